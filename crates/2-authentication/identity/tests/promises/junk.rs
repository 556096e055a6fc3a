//! Whatever a stranger sends is answered, never a panic and never recognised.

use proptest::prelude::*;

use crate::world::*;

fn headers_of(lines: &[(u8, Vec<u8>)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (which, value) in lines {
        let name = ["authorization", "cookie", "x-csrf-token", "origin", "sec-fetch-site"][usize::from(*which) % 5];
        if let Ok(value) = http::HeaderValue::from_bytes(value) {
            map.append(name, value);
        }
    }
    map
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        "(Bearer |bearer  )?(nlk_)?[A-Za-z0-9_.=-]{0,60}".prop_map(String::into_bytes),
        "(__Host-nodeloom-(access|csrf)=?[a-z.;= ]{0,20};? ?){0,3}".prop_map(String::into_bytes),
        "Bearer eyJ[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,10}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn junk_is_never_recognised(lines in prop::collection::vec((any::<u8>(), value()), 0..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let world = world_with(Passwords::cheap());
        prop_assert!(runtime.block_on(world.ask(Method::POST, &headers_of(&lines), at(0))).is_err());
    }

    #[test]
    fn junk_is_no_address(text in "\\PC{0,40}") {
        if let Ok(email) = text.parse::<identity::Email>() {
            prop_assert!(email.as_str().contains('@') && !email.as_str().chars().any(char::is_control));
        }
    }

    #[test]
    fn any_text_can_be_judged_as_a_password(text in "\\PC{0,90}") {
        let judged = identity::password::acceptable(&text, &EMAIL.parse().unwrap());
        prop_assert!(judged.is_err() || (text.len() <= 72 && text.chars().count() >= 12));
    }
}
