//! What a sealed value is bound to: the associated data of its encryption.

use domain::Scope;

/// The place for which a value is sealed. All of it is authenticated, none of it is stored with the value.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'a> {
    pub table: &'a str,
    pub field: &'a str,
    /// `None` is written as an explicit "none": a value of the whole instance is not a value of any team.
    pub scope: Option<Scope>,
    /// The row's id as stored.
    pub row: &'a [u8],
    /// The row's version; an older version does not open as the newer.
    pub version: u32,
}

impl Bound<'_> {
    /// Every part with its length before it, so that no two places are spelt alike.
    pub(crate) fn associated_data(&self) -> Vec<u8> {
        let (team, environment) = match self.scope {
            Some(scope) => (scope.team.to_string(), scope.environment.as_str()),
            None => ("none".to_owned(), "none"),
        };
        let version = self.version.to_be_bytes();
        let parts: [&[u8]; 7] = [
            b"nodeloom/vault/v1",
            self.table.as_bytes(),
            self.field.as_bytes(),
            team.as_bytes(),
            environment.as_bytes(),
            self.row,
            &version,
        ];
        let mut out = Vec::with_capacity(160);
        for part in parts {
            out.extend_from_slice(&(part.len() as u64).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_places_are_never_spelt_alike() {
        let place = |table, field| Bound { table, field, scope: None, row: b"1", version: 1 }.associated_data();
        assert_ne!(place("ab", "c"), place("a", "bc"));
    }
}
