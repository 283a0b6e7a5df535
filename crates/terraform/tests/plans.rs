//! Plans in the real format (`fixtures/terraform`), the calls that they become, and the networks after them.

#[cfg(test)]
#[path = "plans/estate.rs"]
mod estate;
#[cfg(test)]
#[path = "plans/tests.rs"]
mod tests;
