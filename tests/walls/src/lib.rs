//! The walls of the house, as ordinary tests with friendly failures; see `tests/`. Nothing to import here.
