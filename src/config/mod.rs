//! The configuration: a file, the environment and flags on one side, checked settings on the other.

mod cap;
mod error;
mod feed;
mod guard;
mod init;
mod load;
mod mapping;
pub mod paths;
mod price;
mod raw;
mod settings;
mod ui;
mod upstream;

pub use cap::PlanSetting;
pub use error::{ConfigError, nearest};
pub use feed::{FeedSetting, FormatChoice, Ledger};
pub use guard::{Bounds, GuardSetting, Identity, ModelSetting, Reach};
pub use init::init_text;
pub use load::{load, parse};
pub use price::PriceSetting;
pub use settings::{From, KeySetting, Settings, Shown};
pub use ui::{Access, GLYPHS, NOTICES, Place, RATES, Ui};
pub use upstream::{BaseUrl, InputBound, KeySource, OnAbort, UpstreamSetting, is_forbidden};
