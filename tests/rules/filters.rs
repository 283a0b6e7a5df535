//! Security groups, connection tracking, network ACLs.

mod missing;
mod network_acls;
mod references;
mod security_groups;
mod tracking;
mod verdicts;
