//! What a half-typed line may become: commands, actions of the page with their keys, names.

use super::read::{COMMANDS, split};
use super::set::SETTINGS;
use crate::tui::app::App;
use crate::tui::event::Window;
use crate::tui::export::Form;
use crate::tui::keys::{ACTIONS, Action};
use crate::tui::tab::Tab;

/// What is offered at most.
const OFFERS: usize = 8;

/// What an offer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// The same as its key.
    Act(Action),
    /// Puts its text into the line.
    Complete,
}

/// Something a line may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What the line is then.
    pub text: String,
    /// What that does.
    pub says: String,
    /// Its key; empty where it has none.
    pub key: String,
    /// What taking it does.
    pub does: Does,
}

/// Returns what a line may become, the best first.
pub(super) fn offers(text: &str, app: &App) -> Vec<Offer> {
    let words = split(text);
    let typed = text.trim_start();
    let known = words.first().and_then(|first| COMMANDS.iter().find(|command| command.0 == first));
    let mut offers: Vec<(usize, Offer)> = match known {
        Some(command) if typed.contains(char::is_whitespace) => {
            let place = words.len().saturating_sub(usize::from(!typed.ends_with(char::is_whitespace)));
            let last = words.get(place).map_or("", String::as_str);
            let before = typed.get(..typed.rfind(char::is_whitespace).map_or(0, |at| at + 1)).unwrap_or("");
            let word = |name: String| {
                let quoted =
                    if name.contains(char::is_whitespace) { format!("\"{name}\"") } else { name.clone() };
                let offer = Offer {
                    text: format!("{before}{quoted}"),
                    says: String::new(),
                    key: String::new(),
                    does: Does::Complete,
                };
                rank(last, &name).map(|rank| (rank, offer))
            };
            names(command.0, place, app).into_iter().filter_map(word).collect()
        }
        _ => whole(typed, app),
    };
    offers.sort_by_key(|(rank, _)| *rank);
    offers.into_iter().map(|(_, offer)| offer).take(OFFERS).collect()
}

/// Returns the commands and the page's actions that a first word may become.
fn whole(typed: &str, app: &App) -> Vec<(usize, Offer)> {
    let mut offers = Vec::new();
    for (name, more, says) in COMMANDS {
        let text = if more.is_empty() { (*name).to_owned() } else { format!("{name} ") };
        let says = if more.is_empty() { (*says).to_owned() } else { format!("{more}  {says}") };
        if let Some(rank) = rank(typed, name) {
            offers.push((rank, Offer { text, says, key: String::new(), does: Does::Complete }));
        }
    }
    for (action, name, says) in ACTIONS {
        let here = app.page_contexts().iter().find_map(|context| {
            let mut lines = app.setup.keys.help(*context).into_iter();
            lines.find(|line| line.0 == *action)
        });
        let Some((_, keys)) = here.filter(|_| app.offers(*action) && !action.is_move()) else { continue };
        let key = keys.first().map_or_else(String::new, |key| (*key).to_owned());
        let ranks = [rank(typed, name), rank(typed, says).map(|rank| rank + 1)];
        if let Some(rank) = ranks.into_iter().flatten().min() {
            let (text, says) = ((*name).to_owned(), (*says).to_owned());
            offers.push((rank, Offer { text, says, key, does: Does::Act(*action) }));
        }
    }
    offers
}

/// Returns the names that can stand at a place of a command.
fn names(command: &str, place: usize, app: &App) -> Vec<String> {
    let tenants = || app.picture().books.tenants().map(|(tenant, _)| tenant.as_str().to_owned());
    match (command, place) {
        ("cap", 1) => tenants().collect(),
        ("cap", 2..) => {
            let models = app.picture().prices.keys().map(|(_, model)| model.as_str().to_owned());
            let flags = ["--reject", "--notify", "--downgrade", "--why"].map(str::to_owned);
            let mut models: Vec<String> = models.collect();
            models.sort();
            models.dedup();
            flags.into_iter().chain(models).collect()
        }
        ("go", 1) => Tab::ALL.map(|tab| tab.says().to_lowercase()).into_iter().chain(tenants()).collect(),
        ("window", 1) => Window::ALL.map(|window| window.says().to_lowercase()).to_vec(),
        ("since", 1) => {
            let rolling = Window::ALL.into_iter().filter(|window| window.minutes().is_some());
            rolling.map(|window| window.says().to_lowercase()).collect()
        }
        ("sort", 1) => app.tab.sorts().iter().map(|sort| (*sort).to_owned()).collect(),
        ("export", 1) => Form::ALL.map(|form| form.ending().to_owned()).to_vec(),
        ("theme", 1) => app.setup.themes.clone(),
        ("tz", 1) => {
            ["UTC", "local", "Europe/Berlin", "America/New_York", "Asia/Seoul"].map(str::to_owned).to_vec()
        }
        ("set", 1) => SETTINGS.map(|setting| setting.0.to_owned()).to_vec(),
        ("set", 2) => {
            let words = split(app.typed_command());
            let key = words.get(1).map_or("", String::as_str);
            let setting = SETTINGS.iter().find(|setting| setting.0 == key && key != "theme");
            let words = setting.map(|setting| setting.1.iter().map(|word| (*word).to_owned()).collect());
            words.unwrap_or_else(|| app.setup.themes.clone())
        }
        _ => Vec::new(),
    }
}

/// Ranks how well a name fits what is typed, the best 0; `None` where its letters are not in it in order.
fn rank(typed: &str, name: &str) -> Option<usize> {
    let (typed, name) = (typed.to_lowercase(), name.to_lowercase());
    if name == typed {
        return Some(0);
    }
    if name.starts_with(&typed) {
        return Some(1);
    }
    if name.contains(&typed) {
        return Some(3);
    }
    let mut letters = name.chars();
    typed.chars().all(|wanted| letters.any(|letter| letter == wanted)).then_some(6)
}
