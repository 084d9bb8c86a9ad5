//! What a cap is set on, and whose sums it is held against.

use std::fmt;

use super::call::{ModelId, Provider, TenantId, name};
use super::label::Label;
use super::words;

/// A plan that tenants are put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanId(Label);

/// A key of a tenant, by its public name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Label);

name!(PlanId, "");
name!(KeyId, "");

/// What a cap is set on. The order is the one in which caps are judged and locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All calls together.
    Everything,
    /// All calls to one provider.
    Provider(Provider),
    /// All calls made with one key.
    Key(KeyId),
    /// All calls of one model.
    Model(ModelId),
    /// Each tenant on one plan, on its own.
    Plan(PlanId),
    /// Each tenant, on its own.
    EachTenant,
    /// One tenant.
    Tenant(TenantId),
    /// One tenant's calls of one model.
    TenantModel(TenantId, ModelId),
}

/// Whose sums are kept. Caps on a tenant, on its plan and on each tenant are held against the same
/// sums, so a tenant that changes its plan keeps what it has spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// All calls together.
    Everything,
    /// One provider.
    Provider(Provider),
    /// One key.
    Key(KeyId),
    /// One model.
    Model(ModelId),
    /// One tenant.
    Tenant(TenantId),
    /// One tenant's calls of one model.
    TenantModel(TenantId, ModelId),
}

impl Scope {
    /// Reads `all`, `each-tenant`, `tenant:acme`, `tenant:acme+model:gpt-4o`, `plan:free`,
    /// `model:gpt-4o`, `provider:openai` or `key:abc`. A name may stand in quotes.
    ///
    /// The error says what was expected.
    pub fn parse(text: &str) -> Result<Scope, String> {
        match text.split_once(':') {
            None if text == "all" => Ok(Scope::Everything),
            None if text == "each-tenant" => Ok(Scope::EachTenant),
            Some(("tenant", rest)) => tenant(rest).map_err(|fault| format!("scope `{text}`: {fault}")),
            Some((kind, rest)) => {
                let name = words::name(rest).map_err(|fault| format!("scope `{text}`: {fault}"))?;
                named(kind, &name).ok_or_else(|| unknown(text))
            }
            None => Err(unknown(text)),
        }
    }
}

fn named(kind: &str, name: &str) -> Option<Scope> {
    match kind {
        "plan" => Some(Scope::Plan(PlanId::new(name))),
        "model" => Some(Scope::Model(ModelId::new(name))),
        "provider" => Some(Scope::Provider(Provider::new(name))),
        "key" => Some(Scope::Key(KeyId::new(name))),
        _ => None,
    }
}

fn tenant(rest: &str) -> Result<Scope, String> {
    let bare = || {
        let end = rest.find("+model:").unwrap_or(rest.len());
        (rest[..end].to_owned(), &rest[end..])
    };
    let (tenant, model) = words::quoted(rest).unwrap_or_else(bare);
    if tenant.is_empty() {
        return Err("a name is missing".to_owned());
    }
    let tenant = TenantId::new(&tenant);
    if model.is_empty() {
        return Ok(Scope::Tenant(tenant));
    }
    let model = model.strip_prefix("+model:").ok_or("expected `+model:NAME` after the tenant")?;
    Ok(Scope::TenantModel(tenant, ModelId::new(&words::name(model)?)))
}

fn unknown(text: &str) -> String {
    format!(
        "scope `{text}` is not known: expected all, each-tenant, tenant:NAME, tenant:NAME+model:NAME, \
         plan:NAME, model:NAME, provider:NAME or key:NAME"
    )
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = words::quote;
        match self {
            Scope::Everything => f.pad("all"),
            Scope::EachTenant => f.pad("each-tenant"),
            Scope::Provider(name) => write!(f, "provider:{}", quote(name.as_str())),
            Scope::Key(name) => write!(f, "key:{}", quote(name.as_str())),
            Scope::Model(name) => write!(f, "model:{}", quote(name.as_str())),
            Scope::Plan(name) => write!(f, "plan:{}", quote(name.as_str())),
            Scope::Tenant(name) => write!(f, "tenant:{}", quote(name.as_str())),
            Scope::TenantModel(tenant, model) => {
                write!(f, "tenant:{}+model:{}", quote(tenant.as_str()), quote(model.as_str()))
            }
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Scope::from(*self).fmt(f)
    }
}

impl From<Account> for Scope {
    fn from(account: Account) -> Scope {
        match account {
            Account::Everything => Scope::Everything,
            Account::Provider(name) => Scope::Provider(name),
            Account::Key(name) => Scope::Key(name),
            Account::Model(name) => Scope::Model(name),
            Account::Tenant(name) => Scope::Tenant(name),
            Account::TenantModel(tenant, model) => Scope::TenantModel(tenant, model),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub fn scopes() -> impl Strategy<Value = Scope> {
        let name = "[a-z0-9:\"\\\\ +.가-]{0,8}[a-z]";
        (0_u8..8, name, name).prop_map(|(kind, a, b)| match kind {
            0 => Scope::Everything,
            1 => Scope::EachTenant,
            2 => Scope::Provider(Provider::new(&a)),
            3 => Scope::Key(KeyId::new(&a)),
            4 => Scope::Model(ModelId::new(&a)),
            5 => Scope::Plan(PlanId::new(&a)),
            6 => Scope::Tenant(TenantId::new(&a)),
            _ => Scope::TenantModel(TenantId::new(&a), ModelId::new(&b)),
        })
    }

    #[test]
    fn every_scope_has_its_word() {
        for text in [
            "all",
            "each-tenant",
            "tenant:acme",
            "tenant:acme+model:gpt-4o",
            "plan:free",
            "model:gpt-4o",
            "provider:openai",
            "key:abc",
            "tenant:\"a b\"+model:\"x+y\"",
        ] {
            assert_eq!(Scope::parse(text).map(|scope| scope.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(
            Scope::parse("tenant:a b").map(|scope| scope.to_string()),
            Ok("tenant:\"a b\"".to_owned())
        );
    }

    #[test]
    fn what_is_no_scope_is_named() {
        for text in [
            "",
            "acme",
            "tenant:",
            "tenant:+model:x",
            "tenant:a+model:",
            "team:x",
            "tenant:\"a\"b",
            "model:\"\"",
        ] {
            let fault = Scope::parse(text).expect_err("no scope");
            assert!(fault.starts_with(&format!("scope `{text}`")), "{fault}");
        }
    }

    proptest! {
        #[test]
        fn a_scope_prints_as_it_is_read(scope in scopes()) {
            prop_assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
        }
    }
}
