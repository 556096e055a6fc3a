//! The TLS of outgoing connections: who is not vouched for is not spoken to.
#![allow(clippy::unwrap_used, reason = "a helper that cannot do its work fails its test")]

mod double;

use std::{sync::Arc, time::Duration};

use double::{Names, Server, ok, redirect};
use egress::{Egress, Error, Method, Policy, Request};

/// A certificate for `name`, and its authority as PEM.
fn certificate(name: &str) -> (Arc<rustls::ServerConfig>, Vec<u8>) {
    let key = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let pem = key.cert.pem().into_bytes();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![key.cert.der().clone()],
            rustls_pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    (Arc::new(config), pem)
}

fn egress(authority: Option<Vec<u8>>) -> Egress {
    let policy = Policy { extra_authorities_pem: authority, ..Policy::allowing(["127.0.0.1"]).unwrap() };
    Egress::with_resolver(policy, Names::new([&["127.0.0.1"]])).unwrap()
}

async fn fetch(egress: &Egress, url: String) -> Result<String, Error> {
    let request = Request::new(Method::GET, &url).unwrap().timeout(Duration::from_secs(5));
    let bytes = egress.send(request).await?.body.collect().await?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn only_a_certificate_for_the_name_from_a_trusted_authority_will_do() {
    let (config, authority) = certificate("good.example");
    let server = Server::start("127.0.0.1", |_| ok("hello"), Some(config)).await;
    let port = server.at.port();
    let trusting = egress(Some(authority.clone()));
    assert_eq!(fetch(&trusting, format!("https://good.example:{port}/")).await.unwrap(), "hello");
    let other_name = fetch(&trusting, format!("https://other.example:{port}/")).await;
    assert!(matches!(other_name, Err(Error::Tls { .. })), "{other_name:?}");
    let unknown = fetch(&egress(None), format!("https://good.example:{port}/")).await;
    assert!(matches!(unknown, Err(Error::Tls { .. })), "{unknown:?}");

    // A raw connection that is encrypted midway, as databases do it.
    let stream = trusting.connect_tcp("good.example", port).await.unwrap();
    assert!(trusting.encrypt("good.example", stream, None).await.is_ok());
    let plain = egress(None);
    let stream = plain.connect_tcp("good.example", port).await.unwrap();
    assert!(plain.encrypt("good.example", stream, None).await.is_err());
    let stream = plain.connect_tcp("good.example", port).await.unwrap();
    assert!(plain.encrypt("good.example", stream, Some(&authority)).await.is_ok());
}

#[tokio::test]
async fn https_is_not_left_for_http() {
    let (config, authority) = certificate("good.example");
    let server = Server::start("127.0.0.1", |_| redirect(302, "http://good.example/"), Some(config)).await;
    let left = fetch(&egress(Some(authority)), format!("https://good.example:{}/", server.at.port())).await;
    assert!(matches!(left, Err(Error::Downgrade { .. })), "{left:?}");
}

#[test]
fn an_authority_that_cannot_be_read_stops_the_start() {
    for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let policy = Policy { extra_authorities_pem: Some(pem.into()), ..Policy::default() };
        assert!(matches!(Egress::new(policy), Err(Error::InvalidAuthority)), "{pem}");
    }
}
