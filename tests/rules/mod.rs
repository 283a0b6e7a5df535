//! The rules of AWS's behaviour, one by one: each test names the rule of `docs/SEMANTICS.md` that it pins.

mod audit;
mod classes;
mod eks;
mod endpoints;
mod filters;
mod fix;
mod internet;
mod laws;
mod nat;
mod near;
mod peering;
mod routing;
mod selectors;
mod terraform;
mod transit;
