"""Sentences for the drawn heads to say, written for this project: everyday, short and long, all sounds of a language.

The training and the test sentences of a language share none.
"""

from pathlib import Path

from ..errors import SettingsError

_TRAIN = {
    "en": (
        "Good morning, did you sleep well?",
        "My mother makes marmalade on Mondays.",
        "Please put the paper plates by the back door.",
        "We walked home along the river while the sun went down.",
        "Five fine foxes followed the farmer's van.",
        "I think this is the third time that they have called.",
        "The baby bumped his head, but he is perfectly happy now.",
        "Would you like some more soup, or are you full?",
        "She sells blue shoes and yellow shirts at the market.",
        "Nobody knows where the old key has gone.",
        "Maybe we should move the piano upstairs before the party.",
        "He opened the box, looked inside, and began to laugh.",
        "The weather has been wonderful all week.",
        "Watch out, the plate is very hot!",
        "Bob brought a big bag of brown bread.",
        "Can you hear the children playing in the garden?",
        "Our train leaves at seven fifteen from platform two.",
        "One, two, three, four, five, six, seven.",
        "Eight, nine, ten, eleven, twelve.",
        "Zero point five is the same as one half.",
        "Yes.",
        "No, not really.",
        "Oh, I see.",
        "Thank you very much!",
        "Wait a moment, please.",
        "A small mouse ran across the kitchen floor and vanished under the cupboard.",
        "I would have written sooner, but the post was slow and my pen was empty.",
        "The judge asked the jury to choose between the two stories.",
        "There is a measure of pleasure in a quiet afternoon.",
        "Her voice was so soft that we could barely hear it.",
        "Why do you always push the wrong button?",
        "The cook chopped carrots, peeled potatoes, and boiled a pot of beans.",
        "They both thought that the path through the forest was shorter.",
        "You may be right, but I am not convinced.",
        "Give me five more minutes and I will be ready.",
        "The yellow umbrella belongs to the young man over there.",
        "We bought apples, pears, plums, and a bag of brown mushrooms.",
        "In summer, the whole family moves to a small house by the lake.",
        "Purple flowers grow between the stones of the wall.",
        "It was raining so hard that the streets looked like rivers.",
        "Please remember to feed the fish and lock the garage.",
        "How wonderful to meet you after all these years!",
        "The museum opens at half past nine, except on Wednesdays.",
        "My brother plays the trombone, and my sister plays the flute.",
        "I am sorry, I did not mean to wake you up.",
        "The boat moved slowly past the empty beach.",
        "Somebody left a pair of gloves in the waiting room.",
        "He rubbed his eyes, put on his glasses, and read the letter again.",
        "Every evening, the lamps along the pier are lit one after another.",
        "What a strange thing to say.",
        "Let us begin with the first chapter of the book.",
        "The thick fog over the valley lifted shortly before noon.",
        "A good joke is like a good meal, best when it is shared.",
        "Pam promised Peter a pumpkin pie for his birthday.",
        "Few people have ever visited that village in the mountains.",
        "If you mix blue and yellow, you usually get green.",
        "The engine coughed twice, and then it was silent.",
        "Tomorrow will be warmer, with a light wind from the south.",
        "Never mind, we can fix that with a bit of tape.",
        "She whispered something, smiled, and walked away.",
        "Between you and me, the soup needs a little more pepper.",
        "The old clock in the hall has not worked for fourteen years.",
        "I have never seen so many butterflies in one place.",
        "Both teams played well, although the pitch was muddy and the ball was wet.",
        "Open the window, would you? It is far too warm in here.",
        "Papa, may I have a bowl of vanilla pudding?",
        "You should have seen their faces when the lights came on!",
        "When the phone rang, everybody in the room stopped talking and looked at me.",
    ),
    "de": (
        "Guten Morgen, haben Sie gut geschlafen?",
        "Meine Mutter backt am Montag immer Pflaumenkuchen.",
        "Bitte bringen Sie mir eine Tasse Tee mit Milch.",
        "Wir fahren morgen früh mit dem Zug ans Meer.",
        "Fünf freche Füchse schliefen vor der Scheune.",
        "Das Buch liegt oben auf dem braunen Schrank.",
        "Eins, zwei, drei, vier, fünf, sechs, sieben, acht.",
        "Ich möchte wissen, warum der Bus heute so spät kommt.",
        "Die Kinder bauen eine hohe Burg aus nassem Sand.",
        "Nein, das glaube ich nicht.",
        "Können wir uns um halb neun vor dem Museum treffen?",
        "Am Abend wurde es kühl, und der Wind blies durch die Bäume.",
        "Vielleicht probiert ihr einmal die Suppe mit Pilzen.",
        "Ach, wie schön, dass du da bist!",
    ),
    "fr": (
        "Bonjour, vous avez bien dormi ?",
        "Ma mère prépare une tarte aux pommes pour dimanche.",
        "Le petit bateau bleu passe sous le vieux pont.",
        "Un, deux, trois, quatre, cinq, six, sept, huit.",
        "Je ne sais pas où il a mis les clés de la voiture.",
        "Voulez-vous encore un peu de soupe aux poireaux ?",
        "Les enfants jouent dans le jardin depuis ce matin.",
        "Il pleuvait si fort que nous sommes restés à la maison.",
        "Mon frère apprend à jouer du violon et de la flûte.",
        "Non, pas du tout.",
        "La boulangère nous a vendu six beaux pains bruns.",
        "Quelle bonne surprise de vous voir ici !",
        "Après le repas, tout le monde a chanté sous la lune.",
    ),
    "es": (
        "Buenos días, ¿cómo ha dormido usted?",
        "Mi madre compra pan y manzanas en el mercado.",
        "El barco pequeño pasa por debajo del puente.",
        "Uno, dos, tres, cuatro, cinco, seis, siete, ocho.",
        "No sé dónde he puesto las llaves del coche.",
        "¿Quiere usted un poco más de sopa?",
        "Los niños juegan en el jardín desde esta mañana.",
        "Llovía tanto que nos quedamos en casa.",
        "Mi hermano aprende a tocar la guitarra y el piano.",
        "No, de ninguna manera.",
        "¡Qué bonita sorpresa verte por aquí!",
        "Después de la cena, todos cantamos bajo la luna.",
        "Febrero fue un mes muy frío en las montañas.",
    ),
    "it": (
        "Buongiorno, ha dormito bene?",
        "Mia mamma prepara il pane con le olive.",
        "La piccola barca blu passa sotto il ponte.",
        "Uno, due, tre, quattro, cinque, sei, sette, otto.",
        "Non so dove ho messo le chiavi della macchina.",
        "Vuole ancora un poco di zuppa di funghi?",
        "I bambini giocano nel giardino da questa mattina.",
        "Pioveva così forte che siamo rimasti a casa.",
        "Mio fratello impara a suonare il violino.",
        "No, per niente.",
        "Che bella sorpresa vederti qui!",
        "Dopo la cena abbiamo cantato tutti sotto la luna.",
        "Febbraio è stato un mese molto freddo in montagna.",
    ),
}

_TEST = {
    "en": (
        "Have you ever watched the moon rise over the water?",
        "My best friend bought a marble table for the balcony.",
        "The farmer's wife brought us warm milk and fresh bread.",
        "Perhaps the blue bus will be faster than the tram.",
        "Six thin thieves slipped through the broken fence.",
        "Well, that was quite a surprise!",
        "I promise to bring the money back before Friday.",
        "Thirteen, fourteen, fifteen, sixteen.",
        "She moved her chair closer to the fire and opened a book.",
        "Not yet.",
        "What time does the pharmacy close on Saturdays?",
        "The puppy jumped over the puddle and barked at the wheelbarrow.",
        "We usually have breakfast at eight, but tomorrow we shall get up at five.",
        "Nothing smells as good as coffee in the morning.",
        "He found a pearl inside the very last oyster.",
        "Could somebody please help me with this heavy suitcase?",
        "All the leaves on the maple tree turned red overnight.",
        "I am afraid there has been a small misunderstanding.",
        "Bring your own cup, and we will share the lemonade.",
        "Their house stands at the top of a steep hill, far from any other building.",
        "Mum, the pump is broken again!",
        "The painter mixed white, brown, and violet until the shade was perfect.",
        "Goodbye, and take good care of yourself.",
        "Most of the shops were shut, so we ate bananas and biscuits on a bench.",
        "Your voice sounds different on the telephone.",
        "Just follow the footpath until you reach the wooden bridge.",
    ),
    "de": (
        "Wo haben Sie denn diesen hübschen Mantel gekauft?",
        "Der Bäcker verkauft ab sechs Uhr warmes Brot.",
        "Neun, zehn, elf, zwölf.",
        "Im Sommer baden wir jeden Tag im kleinen See hinter dem Wald.",
    ),
    "fr": (
        "Où avez-vous acheté ce beau manteau vert ?",
        "Neuf, dix, onze, douze.",
        "Le matin, je bois toujours un bol de chocolat.",
        "Nous marchons souvent au bord de la mer quand il fait beau.",
    ),
    "es": (
        "¿Dónde compró usted ese abrigo tan bonito?",
        "Nueve, diez, once, doce.",
        "Por la mañana siempre bebo un vaso de leche.",
        "Caminamos a menudo por la playa cuando hace buen tiempo.",
    ),
    "it": (
        "Dove ha comprato quel bel cappotto verde?",
        "Nove, dieci, undici, dodici.",
        "La mattina bevo sempre una tazza di latte.",
        "Camminiamo spesso lungo il mare quando fa bel tempo.",
    ),
}

SENTENCE_LANGUAGES = tuple(_TRAIN)
"""What the drawn heads speak. Russian is only heard."""

_RUSSIAN = Path(__file__).parent.parent / "assets" / "russian_sentences.txt"
"""In a file of its own, for sources here keep to letters that all consoles know: for training, a blank line, for
tests.
"""


def train_sentences(language: str = "en") -> tuple[str, ...]:
    """Sentences of `language` ("en", "de", "fr", "es", "it", "ru") for training; SettingsError for another one."""
    return _of(_TRAIN, language, 0)


def test_sentences(language: str = "en") -> tuple[str, ...]:
    """Sentences of `language` that training never hears."""
    return _of(_TEST, language, 1)


test_sentences.__test__ = False  # pytest would take the name for a test wherever it is imported


def _of(sentences: dict[str, tuple[str, ...]], language: str, part: int) -> tuple[str, ...]:
    if language == "ru":
        return tuple(_RUSSIAN.read_text(encoding="utf-8").split("\n\n")[part].strip().split("\n"))
    if language not in sentences:
        raise SettingsError(f"There are no sentences in {language!r}; choose one of {', '.join(sentences)}, ru.")
    return sentences[language]
