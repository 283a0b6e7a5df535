//! One integration binary: the rules, and the program as a process.

mod estate;
mod rules;
