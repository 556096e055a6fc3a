//! Service accounts: a key file that signs, and a token address that checks what was signed.

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use journeys::{
    Server,
    doubles::{Act, Double, Seen, judge, on_both_open, refuse, say, typed},
};
use serde_json::{Value as Json, json};

use crate::support::*;

/// A machine's account at a provider.
pub struct Robot {
    /// Where its tokens come from.
    pub token: Double,
    /// The key file.
    pub file: String,
}

const EMAIL: &str = "robot@acme.iam.example";

/// What the form of a request says.
fn form(seen: &Seen, name: &str) -> Option<String> {
    let url = egress::Url::parse(&format!("http://x/?{}", seen.text)).unwrap();
    field(&url, name)
}

impl Robot {
    /// Every exchange gives `token`, once its signature, its audience and its times are right.
    pub async fn start(token: String) -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = key.as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let words = ["-----BEGIN PRIVATE", "KEY-----"].join(" ");
        let pem = format!("{words}\n{}\n{}\n", lines.join("\n"), words.replace("BEGIN", "END"));
        let public = key.public_key().as_ref().to_vec();
        let double = Double::playing([Act::Hang]).await;
        let address = double.url("/token");
        let audience = address.clone();
        double.play([judge(move |seen| match judged(seen, &public, &audience) {
            Ok(()) => say(json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" })),
            Err(why) => refuse(400, "", json!({ "error": "invalid_grant", "error_description": why })),
        })]);
        let file = json!({ "type": "service_account", "client_email": EMAIL, "private_key_id": "key-1",
            "private_key": pem, "token_uri": address });
        Self { token: double, file: file.to_string() }
    }
}

fn judged(seen: &Seen, public: &[u8], audience: &str) -> Result<(), &'static str> {
    if form(seen, "grant_type").as_deref() != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
        return Err("grant_type");
    }
    let assertion = form(seen, "assertion").ok_or("assertion")?;
    let (message, signature) = assertion.rsplit_once('.').ok_or("no signature")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "the signature is no base64url")?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
        .verify(message.as_bytes(), &signature)
        .map_err(|_| "the signature is wrong")?;
    let claims = URL_SAFE_NO_PAD.decode(message.split('.').nth(1).unwrap()).unwrap();
    let claims: Json = serde_json::from_slice(&claims).unwrap();
    let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    let right = claims["iss"] == EMAIL && claims["aud"] == audience && life <= 3600 && claims["scope"] == "read";
    if right { Ok(()) } else { Err("the claims are wrong") }
}

async fn keep(server: &Server, name: &str, value: Json) -> String {
    let body = json!({ "name": name, "kind": "service_account", "value": value, "hosts": ["127.0.0.1"] });
    server.client.post("credentials", body).await.expect(201).text_of("id")
}

/// R090: the key file goes nowhere; it is exchanged for a token, once for many calls, and that goes to the bound host, by
/// the node's own word for the credential or by its handle.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_is_exchanged_for_a_token() {
    on_both_open(async |server| {
        let token = ["robot", "token", "5b7e", "do-not-show"].join("-");
        let (robot, api) = (Robot::start(token.clone()).await, Double::playing([Act::Echo]).await);
        let id = keep(server, "robot", json!({ "key": robot.file, "scope": "read" })).await;
        let named = json!({ "url": api.url("/"), "credential": "robot" });
        let handle =
            json!({ "url": api.url("/"), "headers": { "authorization": "Bearer {{ run.credentials.robot }}" } });
        let run = ran(server, calls("robot", &[("a", named.clone()), ("b", handle), ("c", named)])).await;
        assert_eq!(run["status"], "succeeded", "{run}");
        let seen = api.seen();
        assert!(seen.len() == 3 && seen.iter().all(|seen| seen.header("authorization") == format!("Bearer {token}")));
        assert_eq!(robot.token.seen().len(), 1, "one exchange for three calls");
        assert!(!format!("{:?}{:?}", api.seen(), robot.token.seen()).contains("PRIVATE KEY"), "the key goes nowhere");
        assert!(!run.to_string().contains("do-not-show"), "{run}");
        let test = async || server.client.post(&format!("credentials/{id}/test"), json!({})).await.expect(200).json();
        assert_eq!(test().await["result"], "ok");
        assert_eq!(robot.token.seen().len(), 2, "a test asks anew");
        let url = json!({ "url": api.url("/me") });
        assert_eq!(server.client.post(&format!("credentials/{id}/test"), url).await.json()["works"], true);
        // another host is refused before anything is exchanged
        let before = robot.token.seen().len();
        let elsewhere = json!({ "url": format!("http://localhost:{}/", api.port), "credential": "robot" });
        assert_eq!(ran(server, calls("elsewhere", &[("a", elsewhere)])).await["status"], "blocked");
        assert_eq!((api.seen().len(), robot.token.seen().len()), (4, before));
    })
    .await;
}

/// A key file that cannot be used, and a token address that does not do its part: each is named, nothing is sent to the API.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_that_does_not_work_says_why() {
    on_both_open(async |server| {
        let api = Double::playing([Act::Echo]).await;
        let robot = Robot::start("a-token-of-a-robot".to_owned()).await;
        let file: Json = serde_json::from_str(&robot.file).unwrap();
        let with = |name: &str, value: Json| {
            let mut file = file.clone();
            file[name] = value;
            file.to_string()
        };
        let cases = [
            ("no JSON", "not a key file".to_owned(), "no JSON"),
            ("no PEM", with("private_key", json!("not a PEM")), "no PEM"),
            ("no RSA", with("private_key", json!(["-----BEGIN PRIVATE", "KEY-----\nAAAA\n-----END PRIVATE", "KEY-----"].join(" "))), "no RSA"),
            ("no https", with("token_uri", json!("http://tokens.example.com/")), "not https"),
            ("not there", with("token_uri", json!("http://127.0.0.1:9/token")), "does not answer"),
            ("another audience", with("token_uri", json!(robot.token.url("/token?x=1"))), "invalid_grant"),
        ];
        for (name, file, why) in cases {
            let id = keep(server, name, json!({ "key": file, "scope": "read" })).await;
            let tested = server.client.post(&format!("credentials/{id}/test"), json!({})).await.expect(200).json();
            assert!(tested["works"] == false && tested["result"].as_str().unwrap().contains(why), "{name}: {tested}");
            let named = json!({ "url": api.url("/"), "credential": name });
            let run = ran(server, calls(&format!("uses {name}"), &[("a", named)])).await;
            assert!(run["status"] == "failed" && run["failure"]["message"].as_str().unwrap().contains(why), "{name}: {run}");
        }
        let id = keep(server, "robot", json!({ "key": robot.file, "scope": "read" })).await;
        for (act, why) in [
            (say(json!({ "error": "invalid_grant" })), "invalid_grant"),
            (typed(200, "", "text/html", "<!doctype html><title>Sorry</title>"), "web page"),
            (say(json!({ "token_type": "Bearer" })), "without an access token"),
            (refuse(302, &format!("location: {}\r\n", api.url("/steal")), json!({})), "redirects"),
            (refuse(503, "", json!({})), "503"),
        ] {
            robot.token.play([act]);
            let tested = server.client.post(&format!("credentials/{id}/test"), json!({})).await.expect(200).json();
            assert!(tested["result"].as_str().unwrap().contains(why), "{why}: {tested}");
        }
        assert_eq!(api.seen().len(), 0, "nothing was sent to anybody");
        // a database's address goes in no request
        let body = json!({ "name": "shop", "kind": "database", "value": "postgres://a:b@127.0.0.1/c", "hosts": ["127.0.0.1"] });
        server.client.post("credentials", body).await.expect(201);
        let run = ran(server, calls("no request", &[("a", json!({ "url": api.url("/"), "credential": "shop" }))])).await;
        assert!(run["failure"]["message"].as_str().unwrap().contains("goes in no request"), "{run}");
        assert_eq!(api.seen().len(), 0);
    })
    .await;
}
