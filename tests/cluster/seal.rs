//! Certificates between real processes: nodes of one authority talk, one of another is refused, and both sides say why.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use waddlebot_testbed::eventually;

use crate::rig::{Cluster, LIMIT, meet};

/// An authority that signed one certificate for these addresses, as files of this name.
pub(crate) fn authority(folder: &Path, name: &str, addresses: &[String]) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).expect("a certificate");
    let own = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(addresses).expect("parameters");
    let leaf = leaf.signed_by(&own, &Issuer::new(params, key)).expect("a certificate");
    for (end, text) in [("ca", root.pem()), ("pem", leaf.pem()), ("key", own.serialize_pem())] {
        std::fs::write(folder.join(format!("{name}.{end}")), text).expect("a file");
    }
}

#[test]
fn nodes_with_certificates_talk_and_who_has_one_of_another_authority_or_none_is_refused() {
    let cluster = Cluster::new();
    let folder = tempfile::tempdir().unwrap();
    for name in ["ours", "theirs"] {
        authority(folder.path(), name, &["127.0.0.1".to_owned()]);
    }
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key, root) = (file("ours.pem"), file("ours.key"), file("ours.ca"));
    let ours = [("CLUSTER_TLS_CERT", certificate.as_str()), ("CLUSTER_TLS_KEY", &key), ("CLUSTER_TLS_CA", &root)];
    let (mut one, mut two) = (cluster.node("n1"), cluster.node("n2"));
    one.start_with(&ours);
    two.start_with(&ours);
    meet(&[&one, &two]);
    assert_eq!(one.hears("lobby", "!ping here"), "pong here");
    assert_eq!(two.hears("lobby", "!ping across"), "pong across", "what n1 serves is reached from n2 through TLS");

    let (certificate, key, other) = (file("theirs.pem"), file("theirs.key"), file("theirs.ca"));
    let theirs = [("CLUSTER_TLS_CERT", certificate.as_str()), ("CLUSTER_TLS_KEY", &key), ("CLUSTER_TLS_CA", &root)];
    let strangers = [("CLUSTER_TLS_CERT", certificate.as_str()), ("CLUSTER_TLS_KEY", &key), ("CLUSTER_TLS_CA", &other)];
    for (what, papers) in [("its own is of another authority", &theirs[..]), ("it trusts another", &strangers), ("it has none", &[])] {
        let ended = cluster.node("n3").refused(papers);
        assert_eq!(ended.code, Some(1), "{what}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains("cluster.tls_"), "{what}: {}", ended.stderr);
    }
    eventually("n1 or n2 tells of it", LIMIT, || one.log().contains("cluster.tls_") || two.log().contains("cluster.tls_"));
    let ended = cluster.node("n3").refused(&[("CLUSTER_TLS_CERT", &key), ("CLUSTER_TLS_KEY", &key), ("CLUSTER_TLS_CA", &root)]);
    assert!(ended.code == Some(1) && ended.stderr.contains("there is no certificate in it"), "{}", ended.stderr);
    assert_eq!(two.hears("lobby", "!ping still"), "pong still");
}
