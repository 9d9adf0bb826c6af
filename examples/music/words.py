"""
The vocabulary of the music service.

Each mood, genre, theme and topic has words for queries and other words for descriptions. Because of this vocabulary
gap, search over this catalogue can gain from learning: a lexical retriever matches only common words, a dense one
matches meaning, and neither knows what is popular.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mood:
    """
    A mood of songs and playlists.

    :param typed: Queries for it.
    :param phrases: Words for it in descriptions.
    :param scenes: Sentences that express it without its name.
    """

    typed: tuple[str, ...]
    phrases: tuple[str, ...]
    scenes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Genre:
    """
    A genre of artists, albums and songs.

    :param phrases: Words for it in descriptions, other than its name.
    :param instruments: Its instruments.
    :param near: Related genres.
    """

    phrases: tuple[str, ...]
    instruments: tuple[str, ...]
    near: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """
    A topic of podcasts.

    :param typed: Queries for it.
    :param phrases: Sentences for descriptions.
    :param names: Words for titles of podcasts.
    :param near: Related topics.
    """

    typed: tuple[str, ...]
    phrases: tuple[str, ...]
    names: tuple[str, ...]
    near: tuple[str, ...]


# fmt: off
ONSETS = ("b", "br", "c", "d", "dr", "f", "fl", "g", "h", "j", "k", "l", "m", "n", "p", "qu", "r", "s", "st", "t", "tr",
          "v", "w", "y", "z")
VOWELS = ("a", "e", "i", "o", "u", "ae", "ei", "ou", "ia", "y")
CODAS = ("", "", "", "l", "n", "r", "s", "th", "x", "m", "nd", "sk", "ll", "rn")

BAND_ADJECTIVES = (
    "Paper", "Velvet", "Crooked", "Hollow", "Copper", "Distant", "Broken", "Quiet", "Electric", "Salted", "Amber",
    "Second", "Burning", "Northern", "Wooden", "Borrowed", "Glass", "Tidal", "Unlit", "Feral",
)
BAND_NOUNS = (
    "Harbours", "Lanterns", "Orchards", "Machines", "Sparrows", "Cathedrals", "Engines", "Tigers", "Letters",
    "Satellites", "Pilots", "Gardens", "Thieves", "Comets", "Rivers", "Clocks", "Foxes", "Bridges",
)
TITLE_ADJECTIVES = (
    "Golden", "Silent", "Last", "Endless", "Wild", "Happy", "Sad", "Calm", "Broken", "Little", "Slow", "Secret",
    "Falling", "Lonely", "Sleepy", "Angry", "Faded", "Crystal", "Restless", "Paper",
)
TITLE_NOUNS = (
    "Street", "Window", "Letter", "Machine", "Garden", "Mirror", "Station", "Highway", "Harbour", "Ladder",
    "Parade", "Signal", "Kitchen", "Bicycle", "Ceiling", "Thunder", "Ribbon", "Shadow", "Engine", "Island",
)

MOODS: dict[str, Mood] = {
    "sad": Mood(
        ("sad songs", "music to cry to", "heartbreak", "songs for when I feel down", "breakup music"),
        ("mournful", "wistful", "tear-stained", "sorrowful", "grieving", "aching"),
        ("It was written the week a marriage ended.", "Every line sounds like a goodbye at a graveside.",
         "The singer can barely get through the last verse without weeping."),
    ),
    "happy": Mood(
        ("happy music", "feel good songs", "cheerful tunes", "songs that make me smile", "good vibes"),
        ("joyful", "sunny", "grinning", "exuberant", "light-hearted", "gleeful"),
        ("It bounces along like a child let out of school.", "Even the handclaps seem to be laughing.",
         "A burst of pure delight from the first bar."),
    ),
    "calm": Mood(
        ("calm music", "relaxing songs", "chill out", "music to unwind", "peaceful"),
        ("serene", "unhurried", "gentle", "tranquil", "soothing", "hushed"),
        ("It moves like slow water and asks nothing of you.", "Nothing here is louder than breathing.",
         "Good company for a bath and a candle."),
    ),
    "energetic": Mood(
        ("workout music", "energetic songs", "gym playlist", "pump up", "running music"),
        ("hard-driving", "relentless", "high-octane", "adrenaline-fuelled", "breakneck", "pounding"),
        ("It never drops below a sprint.", "Made for the last mile, when the legs have given up.",
         "The tempo would shame a treadmill."),
    ),
    "romantic": Mood(
        ("romantic songs", "date night music", "songs for my girlfriend", "wedding songs", "slow dance"),
        ("tender", "amorous", "candlelit", "swooning", "intimate", "adoring"),
        ("Couples have married to it since the day it came out.", "It is sung cheek to cheek, almost in a whisper.",
         "A serenade under a balcony, with all the roses."),
    ),
    "angry": Mood(
        ("angry music", "rage", "songs to scream along", "aggressive music", "music for venting"),
        ("furious", "seething", "snarling", "venomous", "wrathful", "scathing"),
        ("The vocals are spat rather than sung.", "It settles a score and slams the door.",
         "A tantrum with very good drums."),
    ),
    "focus": Mood(
        ("music for studying", "focus music", "concentration", "background music for work", "deep work"),
        ("uncluttered", "repetitive", "unobtrusive", "steady", "wordless", "minimal"),
        ("It keeps the mind on the page and stays out of the way.", "Loops drift by for as long as the homework lasts.",
         "Programmers leave it on all afternoon."),
    ),
    "nostalgic": Mood(
        ("nostalgic songs", "throwback", "music from my childhood", "old memories", "retro"),
        ("sepia-toned", "reminiscent", "bygone", "old-fashioned", "yearning", "vintage"),
        ("It smells of attics, school halls and the first summer job.", "The chorus could be a faded photograph.",
         "A look back at a town that is no longer there."),
    ),
    "dreamy": Mood(
        ("dreamy music", "sleep music", "lullabies", "floaty songs", "music to fall asleep"),
        ("hazy", "drowsy", "gauzy", "weightless", "ethereal", "half-awake"),
        ("The voices arrive as if through fog.", "It ends where the pillow begins.",
         "Clouds of reverb roll over a very soft beat."),
    ),
    "party": Mood(
        ("party music", "dance floor hits", "club songs", "songs to dance to", "saturday night"),
        ("raucous", "euphoric", "floor-filling", "sweaty", "irresistible", "riotous"),
        ("By the second drop nobody is sitting down.", "Built for crowded kitchens after midnight.",
         "The neighbours will ring the police, then stay."),
    ),
}

GENRES: dict[str, Genre] = {
    "synth pop": Genre(("glossy electronic songwriting", "keyboards and drum machines with big choruses"),
                       ("analogue synthesiser", "drum machine"), ("house", "indie rock")),
    "jazz": Genre(("improvised quartet music", "swinging small-band interplay"),
                  ("tenor saxophone", "upright bass"), ("soul", "blues")),
    "hip hop": Genre(("rapped verses over chopped samples", "rhymes and turntables"),
                     ("sampler", "sub bass"), ("soul", "latin")),
    "folk": Genre(("acoustic storytelling", "fireside ballads with close harmonies"),
                  ("fingerpicked guitar", "fiddle"), ("country", "ambient")),
    "metal": Genre(("down-tuned riffs and double kick drums", "heavy guitars at full volume"),
                   ("distorted guitar", "double bass drum"), ("punk", "indie rock")),
    "classical": Genre(("orchestral writing", "chamber pieces for strings"),
                       ("string section", "concert piano"), ("ambient", "jazz")),
    "country": Genre(("twang and pedal steel", "tales of trucks, farms and honky-tonks"),
                     ("pedal steel guitar", "banjo"), ("folk", "blues")),
    "reggae": Genre(("offbeat island rhythms", "riddims from a small sound system"),
                    ("skank guitar", "melodica"), ("latin", "soul")),
    "blues": Genre(("twelve-bar laments", "slide guitar and hard luck"),
                   ("slide guitar", "harmonica"), ("jazz", "country")),
    "soul": Genre(("gospel-raised singing over a warm rhythm section", "horns, organs and big voices"),
                  ("horn section", "electric organ"), ("jazz", "hip hop")),
    "house": Genre(("four-to-the-floor grooves for clubs", "extended mixes for DJs"),
                   ("drum machine", "piano stabs"), ("techno", "synth pop")),
    "techno": Genre(("machine rhythms from dark warehouses", "hypnotic mechanical pulses"),
                    ("modular synthesiser", "kick drum"), ("house", "ambient")),
    "ambient": Genre(("beatless soundscapes", "slow drones and field recordings"),
                     ("tape loop", "bowed vibraphone"), ("classical", "techno")),
    "punk": Genre(("three chords in two minutes", "basement shows and shouted choruses"),
                  ("buzzsaw guitar", "snare drum"), ("metal", "indie rock")),
    "indie rock": Genre(("jangling guitars from a small label", "college-radio guitar songs"),
                        ("jangling guitar", "tambourine"), ("punk", "synth pop")),
    "latin": Genre(("brass and hand percussion for dancing in pairs", "clave rhythms and call and response"),
                   ("congas", "trumpet"), ("reggae", "hip hop")),
}

THEMES: dict[str, tuple[str, ...]] = {
    "love": ("falling for a stranger at first sight", "a devotion that will not fade", "two hearts that cannot part"),
    "night": ("the hours after midnight", "walking home under street lamps", "a city that will not go to bed"),
    "rain": ("a storm that lasts all week", "wet pavements and one umbrella", "clouds over an empty stadium"),
    "summer": ("long days at the beach", "school holidays that never end", "August heat and cold lemonade"),
    "fire": ("flames seen from a hill", "a blaze that burns the past away", "embers in a cold house"),
    "home": ("the house one grew up in", "a family around one table", "coming back after years abroad"),
    "dance": ("moving until the lights come on", "two left feet and no shame", "a ballroom with a broken clock"),
    "heart": ("a pulse that skips", "courage found too late", "the organ that never learns"),
    "moon": ("a pale disc over the sea", "lunar light on a tin roof", "tides and those who watch them"),
    "freedom": ("breaking out of a small town", "chains that fall away", "a passport and no plan"),
    "money": ("unpaid bills", "sudden wealth and what it ruins", "counting coins at closing time"),
    "road": ("driving west with the windows down", "motorways and petrol stations", "a tour bus that breaks down"),
    "river": ("a stream that keeps its secrets", "rowing against the current", "the bank where they first met"),
    "winter": ("snow on the roofs", "frost, wool and short afternoons", "a December spent alone"),
    "ghost": ("someone who is gone but stays", "a haunted flat", "footsteps with nobody there"),
    "star": ("fame and what comes after", "constellations over the desert", "wishing at a dark sky"),
    "dream": ("a vision that ends at the alarm clock", "plans too big for the room", "sleepers who meet each other"),
    "blue": ("the colour of the sea at noon", "a faded pair of jeans", "a mood and a painting"),
    "baby": ("a first child asleep at last", "a darling who answers the phone", "tiny shoes by the door"),
    "time": ("years that pass too fast", "a stopped watch", "waiting on a platform"),
}

PLAYLIST_FRAMES = ("{} Hour", "Pure {}", "{} Essentials", "The {} Room", "{} All Day", "Deep {}", "{} Diary", "{} Club")

TOPICS: dict[str, Topic] = {
    "sleep": Topic(("podcast about sleep", "how to sleep better", "insomnia help"),
                   ("A night nurse and a neurologist talk about lying awake and the habits that bring rest.",
                   "Slow bedtime tales for adults who count sheep in vain."), ("Pillow", "Slumber"),
                   ("health", "mind")),
    "true crime": Topic(("true crime", "murder mystery podcast", "unsolved cases"),
                        ("Two former detectives reopen files that went cold decades ago.",
                         "Each season follows one killing, its witnesses and the trial."), ("Evidence", "Cold File"),
                        ("law", "history")),
    "history": Topic(("history podcast", "ancient rome", "world war stories"),
                     ("Emperors, plagues and forgotten battles, told from letters of the time.",
                      "A professor walks through one century in each episode."), ("Chronicle", "Archive"),
                     ("politics", "travel")),
    "space": Topic(("space podcast", "astronomy for beginners", "rockets and planets"),
                   ("Astronauts and telescope builders explain the latest launch and what circles the sun.",
                    "What galaxies, black holes and moons are made of."), ("Orbit", "Perihelion"),
                   ("science", "technology")),
    "science": Topic(("science podcast", "experiments explained", "biology and physics"),
                     ("Researchers describe the result that surprised their laboratory.",
                      "Atoms, cells and the people who look at them."), ("Lab", "Hypothesis"), ("space", "nature")),
    "technology": Topic(("tech news", "technology podcast", "artificial intelligence"),
                        ("Engineers argue over new chips, phones and the software that eats the world.",
                         "What machine learning can and cannot do, week by week."), ("Circuit", "Kernel"),
                        ("startups", "science")),
    "startups": Topic(("startup podcast", "how to start a company", "entrepreneur stories"),
                      ("Founders confess how they raised capital and lost their first customers.",
                       "From a garage to the stock exchange, with all the mistakes."), ("Founder", "Runway"),
                      ("money", "technology")),
    "money": Topic(("personal finance", "how to save money", "investing for beginners"),
                   ("Plain advice on budgets, pensions and paying off debt.",
                    "A former banker answers letters about shares and mortgages."), ("Ledger", "Penny"),
                   ("startups", "career")),
    "career": Topic(("career advice", "job interview tips", "how to get promoted"),
                    ("Recruiters tell what they look for on the first page.",
                     "How to ask for a raise, leave a boss and change trades."), ("Desk", "Ladder"), ("money", "mind")),
    "cooking": Topic(("cooking podcast", "easy recipes", "food stories"),
                     ("Chefs share what they make at their own stove on a Tuesday.",
                      "Broth, bread and spice, and where they come from."), ("Kitchen", "Ladle"), ("travel", "health")),
    "health": Topic(("health podcast", "nutrition advice", "healthy habits"),
                    ("A family doctor sorts medical fact from fashion.",
                     "What to eat, how to move, when to see a physician."), ("Pulse", "Vital"), ("fitness", "sleep")),
    "fitness": Topic(("fitness podcast", "how to start running", "strength training"),
                     ("Coaches plan the way from the sofa to a first marathon.",
                     "Muscles, rest days and the truth about protein."), ("Sprint", "Barbell"),
                     ("health", "football")),
    "football": Topic(("football podcast", "soccer news", "match analysis"),
                      ("Former strikers quarrel over last weekend's goals and transfers.",
                       "Tactics on a blackboard: pressing, wing-backs and set pieces."), ("Offside", "Terrace"),
                      ("fitness", "comedy")),
    "comedy": Topic(("comedy podcast", "funny podcast", "stand up"),
                    ("Three friends improvise sketches and cannot keep a straight face.",
                     "Guests bring their most embarrassing anecdote; the hosts howl."), ("Giggle", "Punchline"),
                    ("film", "books")),
    "film": Topic(("movie reviews", "film podcast", "cinema"),
                  ("A director and a critic quarrel about one picture a week.",
                   "How famous scenes were lit, shot and cut."), ("Reel", "Matinee"), ("books", "comedy")),
    "books": Topic(("book club", "books podcast", "author interviews"),
                   ("Novelists read a page and tell why it took a year.",
                   "Readers meet over one paperback and plenty of tea."), ("Chapter", "Paperback"),
                   ("film", "history")),
    "politics": Topic(("politics podcast", "election news", "current affairs"),
                      ("Correspondents explain what parliament voted for and who lost.",
                       "Ministers are asked the question they hoped to avoid."), ("Ballot", "Chamber"),
                      ("history", "law")),
    "law": Topic(("law podcast", "famous trials", "court cases"),
                 ("Barristers take apart one verdict in each episode.",
                  "What judges really mean, in words for everybody."), ("Gavel", "Docket"), ("politics", "true crime")),
    "travel": Topic(("travel podcast", "backpacking tips", "cheap holidays"),
                    ("Night trains, hostels and the kindness of strangers.",
                     "A couple sells everything and cycles across a continent."), ("Passport", "Detour"),
                    ("nature", "cooking")),
    "nature": Topic(("nature podcast", "wildlife", "bird watching"),
                    ("Rangers record what howls, sings and hides in the woods.",
                    "An hour by a marsh with binoculars and a thermos."), ("Thicket", "Meadow"),
                    ("science", "travel")),
    "mind": Topic(("mental health podcast", "anxiety help", "meditation"),
                  ("A therapist talks with people about worry, grief and getting up again.",
                  "Breathing exercises and quiet talks for a racing head."), ("Stillness", "Inner"),
                  ("sleep", "health")),
    "parenting": Topic(("parenting podcast", "advice for new parents", "raising kids"),
                       ("Tired mothers and fathers compare notes on toddlers and teenagers.",
                        "A midwife answers what nobody dares to ask at the playground."), ("Cradle", "Nursery"),
                       ("mind", "language")),
    "language": Topic(("learn spanish", "language learning podcast", "grammar tips"),
                      ("Slow conversations for students who know five hundred words.",
                       "Where idioms come from and why verbs misbehave."), ("Phrase", "Verb"), ("books", "travel")),
    "gardening": Topic(("gardening podcast", "how to grow vegetables", "house plants"),
                       ("Compost, slugs and the first tomatoes of the year.",
                        "Two growers answer letters about roses that sulk."), ("Trowel", "Seedling"),
                       ("nature", "cooking")),
    "games": Topic(("gaming podcast", "video game reviews", "board games"),
                   ("Designers tell how a level was built and who cheated first.",
                    "Consoles, dice and controllers, tried out over a weekend."), ("Joystick", "Dice"),
                   ("technology", "comedy")),
}
# fmt: on
