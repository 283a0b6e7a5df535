//! Asks AWS for a snapshot: every read-only call of the call table, every page, for accounts and Regions.
