//! One integration binary: the rules, the documents, and the program as a process.

// The attribute is what tells the lints that helpers of tests are tests, too (clippy.toml).
#[cfg(test)]
mod cli;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod engines;
#[cfg(test)]
mod estate;
#[cfg(feature = "fetch")]
#[cfg(test)]
mod fetch;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod redact;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod whatif;
