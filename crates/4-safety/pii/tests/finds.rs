//! What is found and what is left alone, attack beside control.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use pii::{Action, Detector, HashKey, Kind};
use serde_json::json;

/// What is found in `text`, as `KIND:found` joined by commas.
fn found(text: &str) -> String {
    let entities = Detector::standard().find(text);
    let shown: Vec<String> =
        entities.iter().map(|e| format!("{}:{}", e.kind, &text[e.span.start..e.span.end])).collect();
    shown.join(", ")
}

#[track_caller]
fn finds(text: &str, kind: Kind, value: &str) {
    assert_eq!(found(text), format!("{kind}:{value}"), "in {text:?}");
}

#[track_caller]
fn leaves(text: &str) {
    assert_eq!(found(text), "", "in {text:?}");
}

/// A key that no scanner of this repository takes for a live one.
fn key(parts: &[&str]) -> String {
    parts.concat()
}

/// R143: email addresses, framed, tagged and international; not decorators, files or remotes.
#[test]
fn emails() {
    finds("write to Jane.Doe+x@mail.example.co.uk.", Kind::EmailAddress, "Jane.Doe+x@mail.example.co.uk");
    finds("<mailto:a_b@example.org>", Kind::EmailAddress, "a_b@example.org");
    finds("müller@bücher.example", Kind::EmailAddress, "müller@bücher.example");
    finds("user='o'neil@example.com'", Kind::EmailAddress, "o'neil@example.com");
    leaves("@property def f(self): pass");
    leaves("logo@2x.png and package@1.2.3 and git@host.example:team/repo");
    leaves("me @ home . com");
}

/// R144: SSN in the usual form, other forms with a word, never impossible areas.
#[test]
fn social_security_numbers() {
    finds("SSN 219-45-1234", Kind::UsSsn, "219-45-1234");
    finds("my social security number is 219451234", Kind::UsSsn, "219451234");
    leaves("000-12-3456 666-12-3456 900-12-3456 219-00-1234 219-45-0000");
    leaves("invoice 219451234");
}

/// R145: cards in their common formats by issuer and Luhn; a failed Luhn is no card.
#[test]
fn cards() {
    finds("pay with 4111 1111 1111 1111 please", Kind::CreditCard, "4111 1111 1111 1111");
    finds("5555-5555-5555-4444", Kind::CreditCard, "5555-5555-5555-4444");
    finds("amex 378282246310005", Kind::CreditCard, "378282246310005");
    finds("2223003122003222", Kind::CreditCard, "2223003122003222");
    leaves("4012-8888-8888-1882");
    leaves("0000 0000 0000 0000");
    // One number in ten passes: what is called otherwise, or is rare as a card, needs a word.
    leaves("transaction 4111111111111111 and EAN 4006381333931");
    finds("id,4111111111111111,x", Kind::CreditCard, "4111111111111111");
    leaves("guid 41111111-1111-1111-1111-411111111111");
}

/// R146: phones, international and domestic; not order numbers, dates, versions, GUIDs or addresses.
#[test]
fn phones() {
    for (text, value) in [
        ("call +1 212-555-0123 now", "+1 212-555-0123"),
        ("(212) 555-0123", "(212) 555-0123"),
        ("ring me on +44 20 7946 0958", "+44 20 7946 0958"),
        ("Telefon: 030 90182000", "030 90182000"),
        ("tel 212.555.0123 x55", "212.555.0123 x55"),
        ("(541) 754-3010 x123", "(541) 754-3010 x123"),
        ("or 415.555.2671 ext. 12 instead", "415.555.2671 ext. 12"),
        ("my number is 2125550123", "2125550123"),
    ] {
        finds(text, Kind::PhoneNumber, value);
    }
    leaves("order 4415551234 shipped on 2024-01-31 with version 1.20.300.4");
    leaves("123e4567-e89b-12d3-a456-426614174000");
    leaves("between 1990 and 2024, 100 200 300 people");
    leaves("commit 2125550123abcdef and 12:30:45.123456");
}

/// R146: forty countries as people write them, in prose, JSON, CSV and logs.
#[test]
fn phones_of_the_world() {
    for value in [
        "+1 415 555 2671",
        "+44 7911 123456",
        "+49 (0)89 2180-0",
        "+33 6 12 34 56 78",
        "+34 612 34 56 78",
        "+39 347 123 4567",
        "+31 20 794 0000",
        "+32 2 555 12 12",
        "+41 44 668 18 00",
        "+43 1 58858",
        "+45 33 12 34 56",
        "+46 8 123 456 78",
        "+47 22 86 44 00",
        "+358 9 1234 567",
        "+48 22 694 60 00",
        "+420 224 811 111",
        "+36 1 234 5678",
        "+30 21 0325 1400",
        "+351 21 794 1000",
        "+353 1 679 2777",
        "+90 212 555 12 34",
        "+7 495 123-45-67",
        "+380 44 279 1234",
        "+972 2-567-3811",
        "+971 4 391 0000",
        "+966 11 465 5555",
        "+91 98765 43210",
        "+86 138 0013 8000",
        "+81 3-3580-3311",
        "+82 2-2100-2114",
        "+65 6225 5577",
        "+60 3-8000 8000",
        "+66 2 280 5000",
        "+62 21 3456789",
        "+63 2 8888 1000",
        "+84 24 3825 3531",
        "+61 2 9374 4000",
        "+64 9 355 2000",
        "+27 11 403 7750",
        "+234 803 123 4567",
        "+254 20 222 2222",
        "+20 2 27943666",
        "+55 11 3091-3116",
        "+52 55 5658 1111",
        "+54 11 4341-1200",
    ] {
        for text in [
            format!("call me at {value} tomorrow"),
            format!("{{\"phone\": \"{value}\"}}"),
            format!("name,phone,city\nAnn,{value},Paris"),
            format!("12:00:01 INFO sms sent to {value} ok"),
        ] {
            finds(&text, Kind::PhoneNumber, value);
        }
    }
    for text in [
        "call us about order 5123456789",
        "contact id 4155552671",
        "call_id=4155552671",
        "text length 4155552",
        "mobile app version 10.12.3456",
        "(52.520008, -13.404954)",
        "tracking: 9400 1118 9922 3344 5566 77",
        "ISBN 978-3-16-148410-0",
        "part no. 123-4567-89",
        "1700000000 ms since the epoch",
        "$129,789,613",
    ] {
        leaves(text);
    }
}

/// R146: the word for it in other languages, also where no blank stands between words; and what only looks like one.
#[test]
fn phones_by_their_word_in_many_languages() {
    for (text, number) in [
        ("telemóvel 912 345 678", "912 345 678"),
        ("τηλέφωνο 21 2345 6789", "21 2345 6789"),
        ("मोबाइल 98765 43210", "98765 43210"),
        ("我的手机号138 0013 8000请联系", "138 0013 8000"),
        ("電話番号は03-1234-5678です", "03-1234-5678"),
        ("전화번호는 010-2000-0000입니다", "010-2000-0000"),
        ("טלפון 050-234-5678", "050-234-5678"),
        ("جوال 050 123 4567", "050 123 4567"),
        ("điện thoại 091 234 56 78", "091 234 56 78"),
        ("puhelin 040 1234567", "040 1234567"),
    ] {
        finds(text, Kind::PhoneNumber, number);
    }
    for text in [
        "Order number: 305-1234567-1234567",
        "v2024.11.22.1",
        "550e8400-e29b-41d4-a716-446655440000",
        "lat 52.520008 lon 13.404954",
        "Rechnung 2024/000123",
        "part number 800-555-1212",
        "TCP 443 8443 9443",
        "timestamps 1732245307 1732245399",
    ] {
        let phones = Detector::only([Kind::PhoneNumber]).find(text);
        assert!(phones.is_empty(), "{text:?}: {phones:?}");
    }
}

/// R147: a password in a sentence may be short; talk about passwords is none.
#[test]
fn passwords_in_sentences() {
    let value = ["iAQC", "qI1E", "!7q"].concat();
    finds(&format!("The admin password is {value}"), Kind::ApiKey, &value);
    for text in
        ["Your password is too short, use 8 letters.", "The password is case sensitive (see section 12).", "pwd 12"]
    {
        leaves(text);
    }
}

/// R147: private keys whole, cut off and encoded; a name that ends in `_KEY`; headers and connection strings.
#[test]
fn private_keys_and_named_secrets() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDAC4AWkdwKYSd8";
    for title in ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
        let whole = format!("-----BEGIN {title}-----\n{body}\nKs14IReLcYgADhoXk56ZzXI=\n-----END {title}-----");
        finds(&format!("see\n{whole}\nthere"), Kind::ApiKey, &whole);
        assert!(found(&format!("-----BEGIN {title}-----\n{body}\nKs14")).starts_with("API_KEY"), "{title}");
    }
    leaves("-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEA\n-----END CERTIFICATE-----");
    let stub = "-----BEGIN KEY-----\n...\n-----END KEY-----".replace("KEY", "PRIVATE KEY");
    leaves(&stub);
    finds("LOGDNA_KEY=587f7ab3b55644bec51beb96a0dc7279", Kind::ApiKey, "587f7ab3b55644bec51beb96a0dc7279");
    leaves("PRIMARY_KEY=customer_id_and_order_id and rookTable = 0023452Lllk2KqjLBvaxANWEgTd7bqjsxjo8aZj0wd");
    leaves(&key(&["aws_access_key: AK", "IAIOSFODNN7EXAMPLE"]));
}

/// R147: a word and a colon before the assignment do not hide it, whatever stands between.
#[test]
fn an_assignment_behind_another_is_found() {
    let value = ["c63b8299", "9d47d803", "6cbf3de7", "ad19fa0e"].concat();
    for text in [
        format!("Use this one: DD_API_KEY={value} for now"),
        format!("here: datadog_api_key: {value}"),
        format!("env: DATADOG_API_KEY={value}"),
        format!("href=/report?format=pdf&api_key={value}"),
    ] {
        finds(&text, Kind::ApiKey, &value);
    }
    finds("jdbc:mysql://h/db?user=app&password=jMmCF28xefibpl", Kind::ApiKey, "jMmCF28xefibpl");
    leaves("step 1: config_name=production, step_2: something_else=other_thing_again");
}

/// R147: keys by prefix, by service, by name; not placeholders, names or code.
#[test]
fn api_keys() {
    for value in [
        key(&["AK", "IA", "Q3EGR7ZT5MPLX2WB"]),
        key(&["gh", "p_", "a8Kd03hGq7LmZx5Tn2Rw9Yc4Vb6Np1Js0FeU"]),
        key(&["sk", "-ant-", "api03-a8Kd03hGq7LmZx5Tn2Rw9Yc4Vb6Np1Js0FeUa8Kd03hGq7LmZx5Tn2Rw9Yc4Vb6Np1Js0Fe"]),
        key(&["xox", "b-", "248371920374-937482019283-a8Kd03hGq7LmZx5Tn2Rw9Yc4"]),
        key(&["sk", "_live_", "a8Kd03hGq7LmZx5Tn2Rw9Yc4"]),
    ] {
        finds(&format!("token {value}, keep it"), Kind::ApiKey, &value);
    }
    finds("DB_PASSWORD=\"s3cr3t-Pa55word!\"", Kind::ApiKey, "s3cr3t-Pa55word!");
    finds("postgres://app:Zk39dkQp@db.example/main", Kind::ApiKey, "Zk39dkQp");
    leaves("api_key = os.environ['API_KEY']");
    leaves("password: ********, token = \"<your-token-here>\"");
    leaves("the secret to good bread is time; key = sorted(items, key=lambda x: x.id)");
    leaves("sk-your-api-key-goes-here-please");
}

/// R147: at least 150 formats of named services are known, each under a name of its own service.
#[test]
fn many_formats_are_known() {
    assert!(pii::api_key_formats().count() >= 150, "{}", pii::api_key_formats().count());
}

/// R148: a token that decodes; dotted words that begin like one do not count.
#[test]
fn json_web_tokens() {
    let token =
        key(&["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", ".eyJzdWIiOiIxMjM0In0", ".c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw"]);
    finds(&format!("Cookie: session {token};"), Kind::Jwt, &token);
    leaves("eyJhbGciOiJub3BlIn.eyJub3QganNvbg.abc");
}

/// Beyond the promise: IBAN by its checksum, addresses, wallets.
#[test]
fn ibans_addresses_and_wallets() {
    finds("IBAN GB82 WEST 1234 5698 7654 32", Kind::IbanCode, "GB82 WEST 1234 5698 7654 32");
    leaves("GB82 WEST 1234 5698 7654 33");
    finds("from 203.0.113.9:443", Kind::IpAddress, "203.0.113.9");
    finds("host 2001:db8:85a3::8a2e:370:7334 up", Kind::IpAddress, "2001:db8:85a3::8a2e:370:7334");
    leaves("version 1.2.3.4, 127.0.0.1, std::vec, 12:30:45");
    finds("send to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", Kind::Crypto, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2");
    leaves("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3");
}

/// Beyond the promise: national numbers of ten countries and more, each by its own arithmetic.
#[test]
fn national_numbers() {
    for (text, kind) in [
        ("NHS number 943 476 5919", Kind::UkNhs),
        ("DNI 12345678Z", Kind::EsNif),
        ("NIE X1234567L", Kind::EsNie),
        ("RSSMRA85T10A562S", Kind::ItFiscalCode),
        ("PESEL 44051401359", Kind::PlPesel),
        ("131052-308T", Kind::FiHetu),
        ("Aadhaar 2341 2341 2346", Kind::InAadhaar),
        ("CPF 529.982.247-25", Kind::BrCpf),
        ("Steuer-ID 86095742719", Kind::DeTaxId),
        ("BSN 111222333", Kind::NlBsn),
        ("S1234567D", Kind::SgNric),
        ("11010519491231002X", Kind::CnResidentId),
        ("811218-9876", Kind::SePersonnummer),
        ("tfn 123 456 782", Kind::AuTfn),
    ] {
        assert!(found(text).starts_with(kind.as_str()), "{text}: {}", found(text));
    }
    leaves("12345678A and 529.982.247-26 and RSSMRA85T10A562T and 131052-308U");
}

/// R151: every string and every key, keeping the shape; twice is the same as once.
#[test]
fn json_is_redacted_in_values_and_keys() {
    let mut value = json!({
        "a@example.com": ["call +1 212-555-0123", 7, null, {"password": "hunter2-Long!"}],
        "card": 4111111111111111u64, "plain": "nothing here"
    });
    let count = pii::redact_for_storage(&mut value);
    assert_eq!(
        value,
        json!({
            "[EMAIL_ADDRESS]": ["call [PHONE_NUMBER]", 7, null, {"password": "[API_KEY]"}],
            "card": "[CREDIT_CARD]", "plain": "nothing here"
        })
    );
    assert_eq!(count, 4);
    assert_eq!(pii::redact_for_storage(&mut value), 0);
}

/// Two keys that become the same marker stay two members.
#[test]
fn no_member_is_lost() {
    let mut value = json!({"a@example.com": 1, "b@example.com": 2});
    pii::redact_for_storage(&mut value);
    assert_eq!(value, json!({"[EMAIL_ADDRESS]": 1, "[EMAIL_ADDRESS] (2)": 2}));
}

/// The other actions: a mask keeps little, a hash is stable under one key and different under another.
#[test]
fn masks_and_hashes() {
    let detector = Detector::standard();
    let shown = |action: &Action| detector.redact("card 4111111111111111", action).text.into_owned();
    assert_eq!(shown(&Action::Mask { keep: 4 }), "card ************1111");
    let hash = |byte: u8| shown(&Action::Hash(HashKey::new(&[byte; 32]).unwrap()));
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
    assert!(hash(1).starts_with("card [CREDIT_CARD:"));
    assert!(HashKey::new(b"short").is_none());
}
