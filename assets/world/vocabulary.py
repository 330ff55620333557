"""Words: genres with their nouns and themes, title parts, names, countries, browsers, crawlers."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


# Genre: the nouns of its titles | its themes.
GENRES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    name: (_words(nouns), tuple(themes.split(", ")))
    for name, nouns, themes in (
        (
            "Drama",
            "House Summer Silence Window Daughter Bridge Letter Inheritance Table Mirror "
            "Garden Road",
            "grief, class divide, late reconciliation, small town, faith, coming of age",
        ),
        (
            "Comedy",
            "Wedding Landlord Vacation Parrot Mix-up Picnic Neighbour Cousin Trombone Soup "
            "Uncle Lift",
            "mistaken identity, office life, road trip, family reunion, satire, awkward romance",
        ),
        (
            "Thriller",
            "Signal Deadline Witness Corridor Passenger Cipher Hostage Alibi Hour Pursuit "
            "Dossier Wire",
            "conspiracy, double agent, countdown, surveillance, kidnapping, double cross",
        ),
        (
            "Romance",
            "Kiss Promise Season Waltz Sonata Harbour Rose Secret Postcard Balcony Autumn "
            "Encounter",
            "second chance, forbidden love, long distance, love triangle, old flame, holiday love",
        ),
        (
            "Crime",
            "Ledger Heist Detective Alley Informer Verdict Safe Syndicate Score Badge Fence Debt",
            "last job, corruption, undercover, mob family, wrong man, prison",
        ),
        (
            "Adventure",
            "Compass Expedition Summit River Caravan Map Lagoon Voyage Jungle Sail Canyon Treasure",
            "lost city, survival, treasure hunt, high seas, mountaineering, wild animals",
        ),
        (
            "Science Fiction",
            "Orbit Android Colony Horizon Reactor Nebula Protocol Archive Beacon Engine "
            "Eclipse Probe",
            "first contact, time travel, artificial mind, generation ship, dystopia, "
            "parallel worlds",
        ),
        (
            "Fantasy",
            "Dragon Crown Raven Oath Tower Spell Sword Forest Prophecy Lantern Giant Throne",
            "chosen one, old magic, quest, court intrigue, shapeshifters, fallen kingdom",
        ),
        (
            "Horror",
            "Cellar Whisper Doll Asylum Fog Grave Shadow Ritual Attic Hunger Scarecrow Well",
            "haunted house, possession, cult, body horror, folk horror, last survivor",
        ),
        (
            "Mystery",
            "Key Manor Riddle Stranger Portrait Disappearance Clue Lake Guest Diary Library Clock",
            "locked room, missing person, amateur sleuth, cold case, secret past, unreliable "
            "memory",
        ),
        (
            "Documentary",
            "Harvest Glacier Orchestra Factory Reef Election Archive_Room Market Bees Desert "
            "City Frontier",
            "climate, oceans, music history, labour, space race, food",
        ),
        (
            "Family",
            "Kite Puppy Treehouse Circus Grandfather Balloon Snowman Pony Lighthouse Toyshop "
            "Team Nest",
            "talking animals, friendship, first day of school, grandparents, lost pet, holiday",
        ),
        (
            "Western",
            "Outlaw Saddle Sheriff Stagecoach Ranch Revolver Dust Trail Prairie Saloon "
            "Coyote Bounty",
            "revenge, gold rush, railroad, frontier justice, cattle drive, last stand",
        ),
        (
            "War",
            "Trench Squadron Ration Armistice Convoy Regiment Siege Medic Telegram Shore "
            "Flag Bunker",
            "resistance, homecoming, brothers in arms, prisoner of war, codebreaking, home front",
        ),
        (
            "Music",
            "Chorus Piano Stage Melody Encore Record Drummer Ballad Rehearsal Tour Opera Violin",
            "rise to fame, comeback, rivalry, jazz age, one last concert, mentor",
        ),
        (
            "Sport",
            "Goal Marathon Coach Champion Relay Season_Opener Ring Sprint Underdog Court "
            "Final Keeper",
            "underdog team, rivals, injury, veteran coach, boxing, cycling",
        ),
    )
}

ADJECTIVES = _words(
    """Silent Golden Broken Distant Scarlet Hidden Endless Gentle Burning Hollow Crooked
Midnight Paper Winter Borrowed Forgotten Restless Velvet Iron Glass Wandering Second Last Quiet
Bitter Bright Northern Stolen Painted Patient Reluctant Secret Crimson Drowned Early Faithful Frozen
Honest Invisible Little Lonely Lost Lucky Marble Noble Open Pale Perfect Proud Rusty Sleepless Slow
Southern Strange Sudden Tender Thirsty Unfinished Vanishing Western Whispering Wild Wooden Yellow"""
)
PLACES = _words(
    """Lisbon Marrow_Lane Ashford Vienna Kestrel_Bay Oslo Trieste Corrigan Harrow_Hill Havana
Tangier Silvermere Naples Dunmore Prague Black_Water Geneva Salt_Creek Palermo Thornfield Antwerp
Juniper_Street Krakow Windermere Porto Elder_Point Seville Stonebridge Tallinn Fallow_County Bruges
Cinder_Row Genoa Larkspur Riga Mill_Island Odessa Redcliffe Salzburg Willow_End Turin Cold_Harbour
Valencia Westmarch Zagreb Amber_Coast Bergen Holloway"""
)
FIRST_NAMES = _words(
    """Ada Agnes Alma Amir Anton Astrid Basil Bianca Bruno Carmen Cato Celia Cyrus Dahlia
Daria Dev Edda Elias Elif Emil Esther Ezra Farah Felix Flora Gideon Greta Hana Hector Hugo Ida Igor
Ines Iris Ivan Jonas Juno Kaito Kira Lars Leila Lena Lionel Luca Mabel Magnus Malik Mara Milo Nadia
Naomi Nils Noor Olga Omar Otto Petra Quentin Rafael Rosa Selma Tariq Vera Yusuf"""
)
SURNAMES = _words(
    """Abara Adler Almeida Andersson Arslan Bakker Balogun Baptista Becker Bellini Bergman
Bianchi Blom Brandt Calder Castell Chandra Cho Conti Cordeiro Dahl Danso Delacroix Demir Duarte
Eklund Endo Faber Farkas Ferrante Fischer Fontaine Gallo Garrick Ghosh Haddad Hale Hansen Hartwell
Herrera Holm Ibsen Ilves Ivers Jansen Jokinen Kaplan Kato Keller Kovac Laine Lambert Larsen Leclerc
Lindqvist Lombard Madsen Marchetti Marlowe Mensah Mercer Moreau Morita Nakamura Navarro Novak Nyberg
Oduya Okafor Olsen Orlov Osei Pereira Petrov Quist Rahman Ramires Renner Rinaldi Rossi Sandoval
Sato Schreiber Serrano Silva Sokolov Strand Tanaka Thorne Ueda Valente Varga Weiss Winter Yilmaz
Zeller Zuniga"""
)

# Country: share of users, hours that local time is ahead of UTC.
COUNTRIES: dict[str, tuple[float, int]] = {
    "US": (0.22, -6),
    "GB": (0.12, 0),
    "DE": (0.13, 1),
    "FR": (0.09, 1),
    "BR": (0.10, -3),
    "IN": (0.12, 5),
    "JP": (0.07, 9),
    "AU": (0.04, 10),
    "NG": (0.05, 1),
    "TR": (0.06, 3),
}

_MOZILLA, _WEBKIT = "Mozilla/5.0", "AppleWebKit/537.36 (KHTML, like Gecko)"
_APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BROWSERS: tuple[str, ...] = (
    *(
        f"{_MOZILLA} ({system}) {_WEBKIT} Chrome/{version}.0.0.0 Safari/537.36"
        for system in ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7")
        for version in (128, 129, 130)
    ),
    *(
        f"{_MOZILLA} (Linux; Android 10; K) {_WEBKIT} Chrome/{version}.0.0.0 Mobile Safari/537.36"
        for version in (127, 129, 130)
    ),
    *(
        f"{_MOZILLA} (iPhone; CPU iPhone OS {os} like Mac OS X) {_APPLE} "
        f"Version/{safari} Mobile/15E148 Safari/604.1"
        for os, safari in (("17_6", "17.6"), ("18_0", "18.0"), ("18_1", "18.1"))
    ),
    *(
        f"{_MOZILLA} ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
        for system in ("Windows NT 10.0; Win64; x64", "X11; Linux x86_64")
        for version in (131, 132)
    ),
    f"{_MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {_APPLE} Version/18.0 Safari/605.1.15",
    f"{_MOZILLA} (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/130.0.0.0 Safari/537.36 Edg/130.0",
)
CRAWLERS: tuple[str, ...] = (
    "python-requests/2.32.3",
    "Scrapy/2.11.2 (+https://scrapy.org)",
    "Go-http-client/2.0",
    f"{_MOZILLA} (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    f"{_MOZILLA} (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
)
AGENTS: tuple[str, ...] = BROWSERS + CRAWLERS

ACTIONS = ("impression", "click", "view", "purchase", "rating", "like", "dislike", "hide")
SURFACES = ("home", "search", "detail")
