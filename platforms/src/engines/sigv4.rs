//! AWS Signature Version 4 for one kind of request: a POST with a body (AWS General Reference, "Signing AWS API requests").

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use waddlebot_runtime::secret::hexadecimal;

/// Who signs, for where.
pub(super) struct Signer<'a> {
    pub(super) key_id: &'a str,
    pub(super) secret: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl Signer<'_> {
    /// The `authorization` header. `headers` are the signed ones in lower case, sorted by name;
    /// `time` is `YYYYMMDDTHHMMSSZ` and among them as `x-amz-date`.
    pub(super) fn authorization(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8], time: &str) -> String {
        let date = &time[..8];
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let canonical = format!("{method}\n{path}\n\n{lines}\n{names}\n{}", hexadecimal("", &Sha256::digest(body)));
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hexadecimal("", &Sha256::digest(canonical.as_bytes())));
        let mut key = mac(format!("AWS4{}", self.secret).as_bytes(), date);
        for part in [self.region, self.service, "aws4_request"] {
            key = mac(&key, part);
        }
        let signature = hexadecimal("", &mac(&key, &text));
        format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", self.key_id)
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A name or ARN as it stands in a path: all but unreserved letters as `%XX` (RFC 3986 section 2.3).
pub(super) fn path_part(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `post-vanilla` of the public AWS Signature Version 4 test suite.
    #[test]
    fn the_published_example_is_signed_alike() {
        let signer =
            Signer { key_id: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", region: "us-east-1", service: "service" };
        let time = "20150830T123600Z";
        let signed = signer.authorization("POST", "/", &[("host", "example.amazonaws.com"), ("x-amz-date", time)], b"", time);
        assert_eq!(
            signed,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, \
             Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
    }
}
