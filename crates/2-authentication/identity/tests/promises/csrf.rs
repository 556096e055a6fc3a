//! Changes by cookie need proof.

use crate::world::*;

/// R037, identity notes: CSRF missing, mismatched or of a bad origin is 403 on every method that changes something.
#[tokio::test]
async fn changes_by_cookie_need_the_csrf_proof() {
    let world = world().await;
    let (signed_in, other) = (world.sign_in().await, world.sign_in().await);
    let cookie = cookie(&signed_in);
    let foreign_cookie = format!("{}={}; {}={}", cookies::ACCESS, signed_in.access.expose(), cookies::CSRF, other.csrf);
    let (c, t, o) = (("cookie", cookie.as_str()), ("x-csrf-token", signed_in.csrf.as_str()), ("origin", ORIGIN));
    use CsrfFault::*;
    for method in [
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::CONNECT,
        Method::from_bytes(b"PURGE").unwrap(),
    ] {
        for (pairs, expected) in [
            (vec![c, t, o], None),
            (vec![c, t], None),
            (vec![c, t, ("sec-fetch-site", "same-origin")], None),
            (vec![c, o], Some(Missing)),
            (vec![c, o, ("x-csrf-token", "")], Some(Mismatch)),
            (vec![c, o, ("x-csrf-token", "a.b")], Some(Mismatch)),
            (vec![c, o, t, t], Some(Mismatch)),
            (vec![c, o, ("x-csrf-token", other.csrf.as_str())], Some(Mismatch)),
            // header and cookie agree, but were made for another session (a planted cookie)
            (vec![("cookie", foreign_cookie.as_str()), o, ("x-csrf-token", other.csrf.as_str())], Some(Mismatch)),
            (vec![c, t, ("origin", "https://evil.example")], Some(ForeignOrigin)),
            (vec![c, t, ("origin", "null")], Some(ForeignOrigin)),
            (vec![c, t, ("origin", "https://localhost:8443.evil.example")], Some(ForeignOrigin)),
            (vec![c, t, o, o], Some(ForeignOrigin)),
            (vec![c, t, ("sec-fetch-site", "cross-site")], Some(ForeignOrigin)),
        ] {
            assert_eq!(fault(world.ask(method.clone(), &headers(&pairs), at(1)).await), expected, "{method} {pairs:?}");
        }
    }
}

#[tokio::test]
async fn reading_and_keys_need_no_csrf_proof() {
    let world = world().await;
    let signed_in = world.sign_in().await;
    assert!(world.get(&[("cookie", &cookie(&signed_in))], at(1)).await.is_ok());
    let (key, _) = world.key(|_| {});
    let bearer = headers(&[("authorization", &format!("Bearer {}", key.expose()))]);
    assert!(world.ask(Method::POST, &bearer, at(1)).await.is_ok());
}
