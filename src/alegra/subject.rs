/// What happened to what: one of the twelve subjects.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    pub(super) verb: Verb,
    pub(super) entity: Entity,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    New,
    Edit,
    Delete,
}

#[derive(Clone, Copy)]
pub(super) enum Entity {
    Client,
    Item,
    Invoice,
    Bill,
}

/// By entity, then by verb, in the order of their variants.
pub(super) const NAMES: &[&str] = &[
    "new-client",
    "edit-client",
    "delete-client",
    "new-item",
    "edit-item",
    "delete-item",
    "new-invoice",
    "edit-invoice",
    "delete-invoice",
    "new-bill",
    "edit-bill",
    "delete-bill",
];

impl Subject {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (verb, entity) = text.split_once('-')?;
        Some(Self {
            verb: match verb {
                "new" => Verb::New,
                "edit" => Verb::Edit,
                "delete" => Verb::Delete,
                _ => return None,
            },
            entity: match entity {
                "client" => Entity::Client,
                "item" => Entity::Item,
                "invoice" => Entity::Invoice,
                "bill" => Entity::Bill,
                _ => return None,
            },
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        NAMES[self.entity as usize * 3 + self.verb as usize]
    }
}

impl Verb {
    pub(super) fn of<T>(self, [new, edit, delete]: [T; 3]) -> T {
        match self {
            Self::New => new,
            Self::Edit => edit,
            Self::Delete => delete,
        }
    }
}

impl Entity {
    /// The one key of the message.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Item => "item",
            Self::Invoice => "invoice",
            Self::Bill => "bill",
        }
    }
}
