//! Who asks, and where: credentials, roles and Regions become places with clients.

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::{ProvideCredentials as _, SharedCredentialsProvider};
use std::time::Duration;

use crate::calls::Clients;
use crate::fault::chain;
use crate::{Error, Options, Place};

/// How often a request is sent at most. With the back-off below, the last one goes out about half a minute after the
/// first.
const ATTEMPTS: u32 = 8;

/// A place and how to reach it.
#[derive(Debug)]
pub(crate) struct Site {
    pub place: Place,
    pub clients: Clients,
}

/// Resolves credentials, and finds out whose account it is.
///
/// # Errors
///
/// No Region, no credentials.
pub(crate) async fn sites(options: &Options) -> Result<(Vec<Site>, Vec<String>), Error> {
    let mut remarks = Vec::new();
    let base = load(options).await;
    let regions: Vec<Region> = if options.regions.is_empty() {
        // An empty variable names none.
        vec![base.region().cloned().filter(|region| !region.as_ref().is_empty()).ok_or(Error::NoRegion)?]
    } else {
        let mut regions: Vec<String> = options.regions.clone();
        regions.sort();
        regions.dedup();
        regions.into_iter().map(Region::new).collect()
    };
    // Roles are taken on by way of the first Region.
    let home = match regions.first() {
        Some(region) => base.to_builder().region(region.clone()).build(),
        None => base,
    };
    let mut identities: Vec<(SdkConfig, Option<String>)> = Vec::new();
    if options.roles.is_empty() {
        identities.push((home.clone(), None));
    }
    for role in &options.roles {
        let mut builder = AssumeRoleProvider::builder(role.as_str()).session_name("reach").configure(&home);
        if let Some(id) = &options.external_id {
            builder = builder.external_id(id.as_str());
        }
        let provider = SharedCredentialsProvider::new(builder.build().await);
        identities.push((home.to_builder().credentials_provider(provider).build(), Some(role.clone())));
    }
    let mut sites = Vec::new();
    let mut refusals = Vec::new();
    for (config, role) in identities {
        let provider = config.credentials_provider().ok_or_else(|| Error::Credentials("none are set up".to_owned()))?;
        if let Err(error) = provider.provide_credentials().await {
            // The words name the sources that were tried, never a secret.
            let whom = role.map_or_else(String::new, |role| format!("{role}: "));
            refusals.push(format!("{whom}{}", chain(&error)));
            continue;
        }
        let account = match account(&config).await {
            Ok(account) => account,
            Err(reason) => {
                // The role's name tells its account.
                let told = role.as_deref().and_then(|role| role.split(':').nth(4)).filter(|id| id.len() == 12);
                if told.is_none() {
                    remarks.push(format!("the account's number is not known: sts get-caller-identity: {reason}"));
                }
                told.map(str::to_owned)
            }
        };
        for region in &regions {
            let place = Place { account: account.clone(), region: region.to_string() };
            let clients = Clients::new(&config.to_builder().region(region.clone()).build());
            sites.push(Site { place, clients });
        }
    }
    if sites.is_empty() {
        return Err(Error::Credentials(refusals.join("; ")));
    }
    remarks.extend(refusals.into_iter().map(|refusal| format!("not fetched: {refusal}")));
    sites.sort_by(|one, other| one.place.cmp(&other.place));
    sites.dedup_by(|one, other| one.place == other.place);
    Ok((sites, remarks))
}

async fn load(options: &Options) -> SdkConfig {
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(250))
        .with_max_backoff(Duration::from_secs(20));
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(options.timeout.min(Duration::from_secs(5)))
        .read_timeout(options.timeout)
        .operation_attempt_timeout(options.timeout)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).retry_config(retries).timeout_config(timeouts);
    if let Ok(name) = AppName::new("reach") {
        loader = loader.app_name(name);
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(region) = options.regions.first() {
        loader = loader.region(Region::new(region.clone()));
    }
    loader.load().await
}

/// Whose account it is. Everyone may ask that.
async fn account(config: &SdkConfig) -> Result<Option<String>, String> {
    let client = aws_sdk_sts::Client::new(config);
    match client.get_caller_identity().send().await {
        Ok(identity) => Ok(identity.account().map(str::to_owned)),
        Err(error) => {
            let fault = crate::Fault::of(&error);
            Err(format!("{} ({})", fault.message, fault.code))
        }
    }
}
