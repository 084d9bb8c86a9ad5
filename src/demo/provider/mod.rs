//! A simulated provider: speaks four APIs on loopback, bills on its own, and fails by script.
//!
//! Its prices and its arithmetic are its own, so that its bill can judge ours. The rules are exact:
//!
//! - The prompt costs one token for each word of each JSON string in it, keys too: never more than a real
//!   tokenizer counts with its framing.
//! - The answer has as many tokens as the script says, else 16 to 255 by a hash of the request; the largest
//!   output limit of the request holds, and the model's own where there is none.
//! - A token of the answer is one short word, or up to four characters of a tool's arguments.
//! - What is billed is what was generated when the connection ended ([`Cuts::Generated`]), or all of the
//!   answer ([`Cuts::Whole`]).

mod price;
mod bill;
mod script;
mod limits;
mod route;
mod ask;
mod reply;
mod chat;
mod responses;
mod anthropic;
mod gemini;
mod refusal;
mod body;
mod answer;
mod serve;

pub use bill::{Bill, Ending, Line};
pub use limits::{Limits, Manner};
pub use price::{Price, prices};
pub use route::Api;
pub use script::{Action, Fault, Lie, Point, Script, Unknown};
pub use serve::{Clock, Cuts, Options, Provider, Received, serve};

#[cfg(test)]
mod tests;
