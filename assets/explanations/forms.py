"""The sentence forms of each language and reason type.

Slots: {source}, {target} display titles; {fact} the shared facts, joined; {theme} singular or
plural by their number. Each form asserts what its slots' fact sheets say, and nothing more. A form
has no full stop; the writer sets it where the text needs one. Spanish forms need no agreement
with the gender of what is named.
"""

from assets.explanations.grammar import Rules, expand
from core.explanation_settings import ExplanationSettings, Locale, ReasonType

_ENGLISH: dict[ReasonType, tuple[str, ...]] = {
    "same_series": (
        "<since> {target} belongs to the same series, {quoted}",
        "{target} and {source} are both part of the series {quoted}",
        "<like> {target} is part of the series {quoted}",
    ),
    "same_creator": (
        "<since> {target} is also by {fact}",
        "<like> {target} comes from {fact}",
        "{target} is by {fact}, as is {source}",
    ),
    "same_cast": (
        "<since> {target} also features {fact}",
        "<like> {target} features {fact}",
        "{target} features {fact}, as does {source}",
    ),
    "same_theme": (
        "<since> {target} shares the {theme} {quoted}",
        "{target} and {source} have the {theme} {quoted} in common",
        "<like> {target} has the {theme} {quoted}",
    ),
    "watched_together": (
        "{source} and {target} are chosen by some of the same people",
        "<since> here is {target}, which some of the same people chose",
    ),
    "same_genre": (
        "<since> {target} is another {fact} <noun>",
        "<like> {target} is listed under {fact}",
        "{target} and {source} are both listed under {fact}",
    ),
    "matches_preference": (
        "You said that you like {fact}, and {target} is listed under it",
        "{target} is listed under {fact}, which you said you like",
    ),
    "trending": (
        "{target} draws more people this week than in the weeks before",
        "More people choose {target} this week than in the weeks before",
    ),
    "new": (
        "{target} is new: it came out in the last <new_days> days",
        "{target} came out in the last <new_days> days",
    ),
    "popular": (
        "{target} is one of the <popular_top> most chosen <nouns> here",
        "{target} is among the <popular_top> <nouns> that most people here have chosen",
    ),
    "recommended": (
        "{target} is one of our suggestions for you",
        "Our suggestions for you include {target}",
    ),
}
_SPANISH: dict[ReasonType, tuple[str, ...]] = {
    "same_series": (
        "<since> {target} pertenece a la misma serie, {quoted}",
        "Tanto {source} como {target} forman parte de la serie {quoted}",
    ),
    "same_creator": (
        "<since> {target} también es de {fact}",
        "<like> {target} es de {fact}",
    ),
    "same_cast": (
        "<since> {target} también cuenta con {fact}",
        "<like> {target} cuenta con {fact}",
    ),
    "same_theme": (
        "<since> {target} comparte {theme} {quoted}",
        "Tanto {source} como {target} tienen {theme} {quoted}",
    ),
    "watched_together": (
        "Algunas personas que eligen {source} eligen también {target}",
        "<since> aquí está {target}, que eligen algunas de las mismas personas",
    ),
    "same_genre": (
        "<since> {target} también figura en {fact}",
        "<like> {target} figura en {fact}",
    ),
    "matches_preference": (
        "Dijiste que te gusta {fact}, y {target} figura ahí",
        "{target} figura en {fact}, que dijiste que te gusta",
    ),
    "trending": (
        "{target} atrae a más gente esta semana que en las semanas anteriores",
        "Más gente elige {target} esta semana que en las semanas anteriores",
    ),
    "new": (
        "{target} es novedad: salió en los últimos <new_days> días",
        "{target} salió en los últimos <new_days> días",
    ),
    "popular": (
        "{target} está entre lo que más gente ha elegido aquí: entre los primeros <popular_top>",
        "Entre los <popular_top> que más gente ha elegido aquí está {target}",
    ),
    "recommended": (
        "{target} es una de nuestras sugerencias para ti",
        "Entre nuestras sugerencias para ti está {target}",
    ),
}
_GRAMMARS: dict[Locale, dict[ReasonType, tuple[str, ...]]] = {"en": _ENGLISH, "es": _SPANISH}
_SHARED_RULES: dict[Locale, Rules] = {
    "en": {"since": ("Because <phrase> {source},", "Since <phrase> {source},"),
           "like": ("Like {source},", "Just like {source},")},
    "es": {"since": ("Porque <phrase> {source},", "Ya que <phrase> {source},"),
           "like": ("Al igual que {source},", "Como {source},")},
}  # fmt: skip
_PHRASE: dict[Locale, str] = {"en": "you chose", "es": "elegiste"}
THEME_WORD: dict[Locale, tuple[str, str]] = {
    "en": ("theme", "themes"),
    "es": ("el tema", "los temas"),
}
AND_WORD: dict[Locale, str] = {"en": " and ", "es": " y "}


def sentence_forms(settings: ExplanationSettings) -> dict[ReasonType, tuple[str, ...]]:
    """Returns every form of each reason type in the settings' language and wording."""
    rules: Rules = {
        **_SHARED_RULES[settings.locale],
        "phrase": (settings.history_phrase or _PHRASE[settings.locale],),
        "noun": (settings.noun,),
        "nouns": (settings.nouns,),
        "new_days": (str(settings.new_days),),
        "popular_top": (str(settings.popular_top),),
    }
    return {
        kind: tuple(form for start in starts for form in expand(start, rules))
        for kind, starts in _GRAMMARS[settings.locale].items()
    }
