//! The words that made-up rows are put together from.

pub(super) const FIRST_NAMES: [&str; 16] = [
    "Ada", "Bao", "Chidi", "Dalia", "Elif", "Farid", "Grace", "Hana", "Iker", "José", "Kaja",
    "Linus", "Mina", "Noor", "Oleg", "Zoë",
];

pub(super) const LAST_NAMES: [&str; 16] = [
    "Adeyemi", "Bianchi", "Chen", "Dubois", "Eriksen", "Fischer", "García", "Hughes", "Ivanova",
    "Jansen", "Kowalski", "Lund", "Müller", "Nakamura", "Okafor", "Singh",
];

pub(super) const EVENT_TYPES: [&str; 6] = [
    "page_view",
    "click",
    "login",
    "logout",
    "search",
    "purchase",
];

pub(super) const PAGES: [&str; 8] = [
    "/",
    "/cart",
    "/checkout",
    "/help",
    "/login",
    "/products",
    "/search",
    "/settings",
];

/// Products, each with its price in cents.
pub(super) const PRODUCTS: [(&str, i32); 8] = [
    ("backpack", 8_900),
    ("desk lamp", 3_495),
    ("headphones", 12_999),
    ("keyboard", 7_450),
    ("laptop", 129_900),
    ("monitor, 27\"", 24_999),
    ("mouse", 1_999),
    ("notebook", 350),
];

pub(super) const COUPONS: [&str; 4] = ["FRIENDS", "SPRING10", "WELCOME", "WINTER25"];
