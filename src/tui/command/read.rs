//! Reads a command. The error says what is missing or wrong, in plain words.

use crate::domain::calendar::Calendar;
use crate::domain::call::{ModelId, TenantId};
use crate::domain::scope::Scope;
use crate::tui::app::App;
use crate::tui::cap_form::{AtCap, CapWords};
use crate::tui::event::Window;
use crate::tui::export::Form;
use crate::tui::tab::Tab;

/// A command with all that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open the form of a cap with this in it.
    Cap(CapWords),
    /// Show a page.
    Page(Tab),
    /// Open a tenant.
    Tenant(TenantId),
    /// Show sums of a window.
    Window(Window),
    /// Draw with a theme, and keep it.
    Theme(String),
    /// Sort the page by a column.
    Sort(usize),
    /// Filter the page.
    Filter(String),
    /// Write the page to a file, of this name if one is given.
    Export(Form, Option<String>),
    /// Count days and months in another zone.
    Zone(Calendar),
    /// Show what was found out about the terminal.
    Environment,
    /// Set how the screen behaves in this run.
    Set(String, String),
    /// Show what to put into the configuration, and keep how the pages are looked at.
    Write,
    /// Read everything anew.
    Reload,
    /// End the program.
    Quit,
}

/// The commands: name, what follows it, what it does.
pub const COMMANDS: &[(&str, &str, &str)] = &[
    (
        "cap",
        "TENANT AMOUNT/WINDOW [--reject|--notify|--downgrade MODEL] [--why \"..\"]",
        "opens the form of a cap",
    ),
    ("go", "PAGE|TENANT", "shows a page, or opens a tenant"),
    ("window", "1h|6h|24h|today|7d|month", "shows sums of this window"),
    ("since", "1h|6h|24h|7d", "the same, counted back from now"),
    ("sort", "COLUMN", "sorts the page"),
    ("filter", "FILTER", "shows fewer rows"),
    ("theme", "NAME", "draws with a theme, and keeps it"),
    ("export", "csv|json|md [FILE]", "writes the page to a file"),
    ("tz", "UTC|local|ZONE", "counts days and months in another zone, on this screen"),
    ("set", "KEY VALUE", "how the screen behaves, for this run"),
    ("w", "", "shows the lines for the configuration, keeps how pages are looked at"),
    ("env", "", "what was found out about the terminal, and why"),
    ("reload", "", "reads everything anew"),
    ("q", "", "quits"),
];

/// Says whether a line begins with the name of a command.
pub(super) fn is_command(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    COMMANDS.iter().any(|command| command.0 == first)
}

/// Splits a line into words; a quoted one may hold blanks.
pub fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Reads a line that begins with the name of a command.
pub(super) fn command(text: &str, app: &App) -> Result<Command, String> {
    let words = split(text);
    let mut words = words.iter().map(String::as_str);
    let name = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let needs = |what: &str| rest.first().copied().ok_or_else(|| format!("{name} {what}: what is missing?"));
    match name {
        "cap" => cap(&rest).map(Command::Cap),
        "go" => go(needs("PAGE or TENANT")?, app),
        "window" | "since" => {
            let wanted = needs("1h, 6h, 24h, today, 7d or month")?;
            let of_name = |window: &Window| window.says().eq_ignore_ascii_case(wanted);
            let window = Window::ALL.into_iter().find(of_name);
            let window = window.filter(|window| name == "window" || window.minutes().is_some());
            window
                .map(Command::Window)
                .ok_or_else(|| format!("no window `{wanted}`: 1h, 6h, 24h, today, 7d or month"))
        }
        "sort" => {
            let (wanted, sorts) = (needs("COLUMN")?, app.tab.sorts());
            let place = sorts.iter().position(|sort| sort.eq_ignore_ascii_case(wanted));
            place.map(Command::Sort).ok_or_else(|| format!("no column `{wanted}` here: {}", sorts.join(", ")))
        }
        "theme" => {
            let wanted = needs("NAME")?;
            let theme = app.setup.themes.iter().find(|theme| theme.as_str() == wanted);
            theme.cloned().map(Command::Theme).ok_or_else(|| format!("no theme `{wanted}`"))
        }
        "filter" => {
            let filter = text.trim_start().strip_prefix("filter").unwrap_or_default().trim().to_owned();
            match crate::domain::filter::Filter::parse(&filter, app.tab.keys()) {
                Ok(_) => Ok(Command::Filter(filter)),
                Err(fault) => Err(fault.reason),
            }
        }
        "export" => {
            let wanted = needs("csv, json or md")?;
            let form = Form::named(wanted).ok_or_else(|| format!("no form `{wanted}`: csv, json or md"))?;
            Ok(Command::Export(form, rest.get(1).map(|file| (*file).to_owned())))
        }
        "tz" => Calendar::named(needs("ZONE")?).map(Command::Zone),
        "env" => Ok(Command::Environment),
        "set" => {
            let (key, value) = super::set::check(needs("KEY VALUE")?, rest.get(1).copied(), app)?;
            Ok(Command::Set(key, value))
        }
        "w" => Ok(Command::Write),
        "reload" => Ok(Command::Reload),
        "q" => Ok(Command::Quit),
        _ => Err(format!("there is no command `{name}`")),
    }
}

fn go(wanted: &str, app: &App) -> Result<Command, String> {
    let page = Tab::ALL.into_iter().find(|tab| tab.says().eq_ignore_ascii_case(wanted));
    if let Some(page) = page {
        return Ok(Command::Page(page));
    }
    let mut tenants = app.picture().books.tenants().map(|(tenant, _)| tenant);
    let tenant = tenants.find(|tenant| tenant.as_str() == wanted);
    tenant.map(Command::Tenant).ok_or_else(|| format!("neither a page nor a tenant: `{wanted}`"))
}

/// Reads `TENANT AMOUNT/WINDOW [--downgrade MODEL|--reject|--notify] [--until T] [--why TEXT]`.
fn cap(words: &[&str]) -> Result<CapWords, String> {
    let mut plain = Vec::new();
    let mut cap = CapWords {
        scope: Scope::Everything,
        limit: String::new(),
        at_cap: None,
        model: String::new(),
        until: String::new(),
        why: String::new(),
    };
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "--reject" => cap.at_cap = Some(AtCap::Reject),
            "--notify" => cap.at_cap = Some(AtCap::Notify),
            "--downgrade" => {
                let model = words.next().ok_or("--downgrade MODEL: to which model?")?;
                cap.at_cap = Some(AtCap::Downgrade);
                model.clone_into(&mut cap.model);
            }
            "--until" => words.next().ok_or("--until T: until when?")?.clone_into(&mut cap.until),
            "--why" => words.next().ok_or("--why TEXT: why?")?.clone_into(&mut cap.why),
            flag if flag.starts_with("--") => {
                return Err(format!(
                    "cap has no {flag}: --reject, --notify, --downgrade MODEL, --until T, --why TEXT"
                ));
            }
            word => plain.push(word),
        }
    }
    let [name, limit @ ..] = plain.as_slice() else {
        return Err("cap TENANT AMOUNT/WINDOW: whose cap?".to_owned());
    };
    cap.scope = match name.split_once('+') {
        _ if *name == "all" => Scope::Everything,
        Some((tenant, model)) => Scope::TenantModel(TenantId::new(tenant), ModelId::new(model)),
        None => Scope::Tenant(TenantId::new(name)),
    };
    match limit {
        [] => {}
        [limit] => (*limit).clone_into(&mut cap.limit),
        [_, more, ..] => {
            return Err(format!("`{more}` is one word too many: quote a name with blanks in it"));
        }
    }
    Ok(cap)
}
