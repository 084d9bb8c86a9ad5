//! The configuration: a file, the environment and flags on one side, checked settings on the other.

mod error;
mod feed;
mod init;
mod load;
mod mapping;
pub mod paths;
mod price;
mod raw;
mod settings;

pub use error::ConfigError;
pub use feed::{FeedSetting, FormatChoice, Ledger};
pub use init::init_text;
pub use load::{load, parse};
pub use price::PriceSetting;
pub use settings::{From, Settings, Shown, Ui};
