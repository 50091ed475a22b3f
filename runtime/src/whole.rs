//! Whole numbers as JSON has them: `12` and `12.0` are one number, and some programs write the second.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

/// Beyond this a whole number is no longer exact as JSON carries it.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads a whole number, for `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is no number, has a fraction, or is larger than 2⁵³.
pub fn number<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let number = f64::deserialize(from)?;
    if number.fract() != 0.0 || number.abs() > EXACT {
        return Err(D::Error::custom("a whole number is expected"));
    }
    Ok(number as i64)
}

/// Reads a whole number or null.
///
/// # Errors
/// As [`number`].
pub fn maybe<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Whole(#[serde(deserialize_with = "number")] i64);
    Ok(Option::<Whole>::deserialize(from)?.map(|Whole(number)| number))
}

#[cfg(test)]
mod tests {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Sent {
        #[serde(default, deserialize_with = "super::maybe")]
        viewers: Option<i64>,
    }

    #[test]
    fn both_spellings_are_the_same_number_and_a_half_is_none() {
        let read = |text: &str| serde_json::from_str::<Sent>(text).map(|sent| sent.viewers).map_err(drop);
        assert_eq!(read(r#"{"viewers":12}"#), read(r#"{"viewers":12.0}"#));
        assert_eq!([read("{}"), read(r#"{"viewers":null}"#)], [Ok(None), Ok(None)]);
        assert_eq!([read(r#"{"viewers":1.5}"#), read(r#"{"viewers":1e300}"#), read(r#"{"viewers":"1"}"#)], [Err(()), Err(()), Err(())]);
    }
}
