//! The rules of AWS's behaviour, one by one: each test names the rule of `docs/SEMANTICS.md` that it pins.

mod filters;
mod routing;
