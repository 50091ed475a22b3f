//! What must stand in a text for a regular expression to match it: so that most are never asked.

use regex_syntax::hir::Hir;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};

use super::fold::folded;

/// With more of them the expression is asked always.
const MOST: usize = 64;
/// One shorter than this stands in every other line.
const SHORTEST: usize = 2;

/// Folded texts of which one stands in every folded text that the expression matches; `None` when
/// none are known.
pub(super) fn of(expression: &Hir) -> Option<Vec<String>> {
    let heads = useful(&extracted(expression, ExtractKind::Prefix));
    let tails = useful(&extracted(expression, ExtractKind::Suffix));
    match (heads, tails) {
        (Some(heads), Some(tails)) => Some(if shortest(&tails) > shortest(&heads) { tails } else { heads }),
        (heads, tails) => heads.or(tails),
    }
}

fn extracted(expression: &Hir, kind: ExtractKind) -> Seq {
    // Each letter has two or three cases; they fold into one.
    Extractor::new().kind(kind).limit_total(MOST * 4).extract(expression)
}

fn useful(found: &Seq) -> Option<Vec<String>> {
    let texts = found.literals()?.iter().map(|literal| std::str::from_utf8(literal.as_bytes()).ok().map(folded));
    let mut texts = texts.collect::<Option<Vec<_>>>()?;
    texts.sort();
    texts.dedup();
    (!texts.is_empty() && texts.len() <= MOST && shortest(&texts) >= SHORTEST).then_some(texts)
}

fn shortest(texts: &[String]) -> usize {
    texts.iter().map(|text| text.chars().count()).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(pattern: &str) -> Option<Vec<String>> {
        let expression = regex_syntax::ParserBuilder::new().case_insensitive(true).build().parse(pattern).expect("an expression");
        of(&expression)
    }

    #[test]
    fn what_begins_or_ends_every_match_is_found_whatever_its_case() {
        assert_eq!(known(r"\bFree\s+(nitro|skins)\b"), Some(vec!["nitro".into(), "skins".into()]));
        assert_eq!(known(r"\bfree\s+\w+"), Some(vec!["free".into()]));
        assert_eq!(known(r"\w+\.example"), Some(vec![".example".into()]));
        assert_eq!(known("cat|dog"), Some(vec!["cat".into(), "dog".into()]));
        assert_eq!(known(r"[a-z]+\d+"), None);
        assert_eq!(known("a*"), None);
    }
}
