//! What can be found, under the names that Presidio uses where it has one.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $wire:literal, $words:literal;)*) => {
        /// A kind of personal data or secret.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind { $($(#[$doc])* #[serde(rename = $wire)] $name,)* }

        impl Kind {
            /// Every kind there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The name on the wire, in markers and in findings.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $wire,)* } }
            /// What it is, in words.
            pub const fn words(self) -> &'static str { match self { $(Self::$name => $words,)* } }
            /// The typed marker that replaces it.
            pub const fn marker(self) -> &'static str { match self { $(Self::$name => concat!("[", $wire, "]"),)* } }
        }
    };
}

kinds! {
    /// R143.
    EmailAddress = "EMAIL_ADDRESS", "an email address";
    /// R144.
    UsSsn = "US_SSN", "a US social security number";
    /// R145.
    CreditCard = "CREDIT_CARD", "a payment card number";
    /// R146.
    PhoneNumber = "PHONE_NUMBER", "a phone number";
    /// R147.
    ApiKey = "API_KEY", "an API key or other secret";
    /// R148.
    Jwt = "JWT", "a JSON web token";
    IbanCode = "IBAN_CODE", "an international bank account number";
    IpAddress = "IP_ADDRESS", "an IP address";
    Crypto = "CRYPTO", "a cryptocurrency address";
    UkNhs = "UK_NHS", "a British NHS number";
    EsNif = "ES_NIF", "a Spanish tax number";
    EsNie = "ES_NIE", "a Spanish foreigner's number";
    ItFiscalCode = "IT_FISCAL_CODE", "an Italian fiscal code";
    PlPesel = "PL_PESEL", "a Polish PESEL";
    FiHetu = "FI_PERSONAL_IDENTITY_CODE", "a Finnish personal identity code";
    InAadhaar = "IN_AADHAAR", "an Indian Aadhaar number";
    BrCpf = "BR_CPF", "a Brazilian CPF";
    DeTaxId = "DE_TAX_ID", "a German tax identification number";
    FrNir = "FR_NIR", "a French social security number";
    SePersonnummer = "SE_PERSONNUMMER", "a Swedish personal number";
    NlBsn = "NL_BSN", "a Dutch citizen service number";
    SgNric = "SG_NRIC_FIN", "a Singaporean NRIC or FIN";
    AuTfn = "AU_TFN", "an Australian tax file number";
    CnResidentId = "CN_RESIDENT_ID", "a Chinese resident identity number";
    UsPassport = "US_PASSPORT", "a US passport number";
    /// Optional: looked for only where it is named.
    Person = "PERSON", "the name of a person";
    /// Optional: looked for only where it is named.
    Location = "LOCATION", "a place or an address";
}

impl Kind {
    /// True for kinds that a standard detector leaves alone: no arithmetic proves a name.
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::Person | Self::Location)
    }
    /// True for what opens a door rather than names a person.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::ApiKey | Self::Jwt)
    }
}
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl std::str::FromStr for Kind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|kind| kind.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}
