"""German: a smaller table of the same kind as the English one, with its words, small words and inflections. Data only.

Written for this project from general knowledge of the language.
"""

from .vocabulary import Vocabulary, pairs

# Emoji stand by their names: tools on Windows read sources in cp1252, which has none.
_TABLE = """
happy 0.7:
    zufrieden, erleichtert, gut gelaunt, gute laune, guter laune, amüsiert, belustigt, hoffnungsvoll, zuversichtlich,
    heiter, vergnügt, freundlich, angetan, erfreut, stolz, dankbar, liebevoll, verliebt
happy 1:
    glücklich, glück, froh, fröhlich, fröhlichkeit, freude, freudig, freut, freuen, gefreut, lustig, ausgelassen,
    begeistert, begeisterung, munter, unbeschwert, quietschvergnügt, aufgekratzt, gut drauf, bester laune,
    guter dinge, happy, strahlt, strahlend, freudestrahlend, jubel, vorfreude, beglückt, entzückt, hocherfreut,
    im siebten himmel, auf wolke sieben, wolke sieben, freudentränen, tränen vor freude, tränen vor glück,
    könnte die welt umarmen
happy 1.3:
    überglücklich, euphorisch, selig, glückselig, jubelnd, außer sich vor freude, ekstatisch, hin und weg,
    überschwänglich
happy 1 sign:
    lächeln, lächelt, lächelnd, grinsen, grinst, lachen, lacht, lachend, kichern, kichert, schmunzeln, schmunzelt,
    juhu, hurra, juchhu, super, toll, wunderbar, klasse, prima, \N{GRINNING FACE}, \N{SMILING FACE WITH OPEN MOUTH},
    \N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}, \N{GRINNING FACE WITH SMILING EYES}, \N{FACE WITH TEARS OF JOY},
    \N{SMILING FACE WITH SMILING EYES}, \N{SLIGHTLY SMILING FACE}, \N{SMILING FACE WITH SMILING EYES AND THREE HEARTS},
    \N{PARTY POPPER}, :), :d
angry 0.7:
    verärgert, ärgerlich, ärger, ärgert, genervt, gereizt, sauer, verstimmt, empört, empörung, entrüstet, ungeduldig,
    grantig, mürrisch, missmutig, frustriert, unwirsch, beleidigt, eingeschnappt, eifersüchtig, neidisch, verbittert,
    schlecht gelaunt, schlechte laune
angry 1:
    wütend, wut, wutentbrannt, zornig, zorn, böse, erbost, erzürnt, aufgebracht, aggressiv, feindselig, hass,
    hasserfüllt, hasst, grimmig, auf hundertachtzig, auf 180, auf die palme, platzt der kragen,
    platzt gleich der kragen, kragen platzt, geladen, stocksauer, stinksauer, rot vor wut
angry 1.3:
    rasend, tobend, tobt, wutschnaubend, fuchsteufelswild, außer sich vor wut, kocht vor wut, schäumt vor wut,
    kochend vor wut, explodiert, zornentbrannt
angry 1 sign:
    brüllen, brüllt, schreit, schreien, schimpft, flucht, knurrt, verdammt, verflucht, raus hier, frechheit,
    unverschämtheit, \N{ANGRY FACE}, \N{POUTING FACE}, \N{SERIOUS FACE WITH SYMBOLS COVERING MOUTH}
sad 0.7:
    enttäuscht, enttäuschung, niedergeschlagen, bedrückt, betrübt, geknickt, wehmütig, melancholisch, melancholie,
    einsam, einsamkeit, gekränkt, verletzt, schwermütig, trübsinnig, bekümmert, kummer, heimweh, mutlos, resigniert,
    trübselig, deprimiert, reumütig, beschämt
sad 1:
    traurig, traurigkeit, trauer, trauert, unglücklich, untröstlich, leid, leidend, elend, verzweifelt, verzweiflung,
    hoffnungslos, weinerlich, tränen, den tränen nahe, in tränen, todtraurig, tieftraurig, bricht * das herz,
    gebrochenes herz, gebrochenem herzen, am boden zerstört, zu tode betrübt, schmerz, todunglücklich
sad 1 sign:
    weint, weinen, weinend, heult, heulen, schluchzt, schluchzen, seufzt, schnieft, vermisse, vermisst, verloren,
    gestorben, \N{CRYING FACE}, \N{LOUDLY CRYING FACE}, \N{DISAPPOINTED FACE}, \N{BROKEN HEART}, :(
surprised 0.7:
    verwundert, verwunderung, überrumpelt, verwirrt, ungläubig, irritiert, perplex, neugierig, staunt, staunend,
    staunen
surprised 1:
    überrascht, überraschung, überraschend, erstaunt, erstaunlich, erstaunen, verblüfft, verblüffung, baff,
    sprachlos, verdutzt, fassungslos, platt, geschockt, schockiert, schock, aus allen wolken, große augen,
    mit offenem mund, offener mund, traut * augen nicht, traut * ohren nicht, kinnlade, nicht zu fassen, unfassbar,
    unglaublich, damit nicht gerechnet
surprised 1.3:
    völlig verblüfft, wie vom donner gerührt, wie vom blitz getroffen, vom hocker, von den socken
surprised 1 sign:
    wow, oha, hoppla, nanu, huch, ach was, wirklich wahr, im ernst, \N{FACE WITH OPEN MOUTH}, \N{ASTONISHED FACE},
    \N{HUSHED FACE}, \N{SHOCKED FACE WITH EXPLODING HEAD}
fear 1:
    angst, ängstlich, ängste, furcht, fürchtet, fürchten, fürchte, furchtsam, erschrocken, erschreckt, verängstigt,
    eingeschüchtert, panik, panisch, schrecken, schreckhaft, grauen, gruselt, gruselig, schiss, bammel,
    zittert vor angst, zitternd vor angst, weiche knie, gänsehaut, alarmiert
fear 1.3:
    entsetzt, entsetzen, todesangst, panische angst, in panik, schreckensstarr, starr vor schreck, starr vor angst,
    zu tode erschrocken, zu tode geängstigt, horror
fear 1 sign:
    zittert, zittern, zitternd, hilfe, schlottert, bebt, \N{FACE SCREAMING IN FEAR}, \N{FEARFUL FACE}
disgusted 1:
    ekel, ekelt, ekeln, ekelhaft, eklig, ekelig, angeekelt, angewidert, widerlich, widert, abscheu, abscheulich,
    abgestoßen, abstoßend, übel, übelkeit, verachtung, verächtlich, brechreiz, zum kotzen, kotzen, zum erbrechen,
    dreht * den magen um, rümpft * nase, naserümpfend, gerümpfte nase, degoutiert, grausig, unappetitlich,
    widerwillen
disgusted 1 sign:
    igitt, bäh, pfui, würg, würgt, stinkt, gestank, iih, iiih, \N{NAUSEATED FACE}, \N{FACE WITH OPEN MOUTH VOMITING}
worried 0.7:
    unruhig, unruhe, angespannt, anspannung, nervös, nervosität, unsicher, zögerlich, skeptisch, misstrauisch,
    beunruhigt, bedenken, zweifelnd, bedenklich, mulmig, unbehagen, unwohl, rastlos, verunsichert, aufgeregt
worried 1:
    besorgt, besorgnis, sorge, sorgen, sorgenvoll, sorgt, bange, bangt, bang, gestresst, stress, bekümmert um,
    beklommen, lampenfieber, hibbelig, zappelig, kein auge zu, wie auf kohlen, auf glühenden kohlen,
    auf heißen kohlen, nägelkauend, kaut * nägel, kaut an * nägeln, zerbricht * den kopf, grübelt, ungutes gefühl,
    schlaflos
worried 1 sign:
    hoffentlich, \N{WORRIED FACE}, \N{FACE WITH OPEN MOUTH AND COLD SWEAT}, \N{GRIMACING FACE}
neutral 1:
    neutral, ruhig, ruhe, gelassen, gelassenheit, sachlich, nüchtern, gefasst, entspannt, ausdruckslos, gleichgültig,
    unbeteiligt, emotionslos, gefühllos, teilnahmslos, unbewegt, ungerührt, gleichmütig, ausgeglichen, normal,
    gewöhnlich, ernst, monoton, trocken, cool, lässig, gelangweilt, langweilig, pokerface, keine miene,
    keine gefühle, keine regung, ohne regung, ohne gefühl, ohne gefühle, ohne emotion, ohne emotionen, keine emotion,
    keine emotionen, ohne ausdruck, kein ausdruck, beherrscht, unbeeindruckt, kühl, egal, beruhigt, beruhigt sich,
    unaufgeregt, besonnen, stoisch, friedlich, \N{NEUTRAL FACE}, \N{EXPRESSIONLESS FACE}, \N{FACE WITHOUT MOUTH}
neutral 1 hint:
    okay, ok, in ordnung, gut, müde
strength 0.4:
    leicht, etwas, ein wenig, ein bisschen, bisschen, wenig, ein klein wenig, kaum merklich, hauch, einen hauch,
    ansatz von, spur
strength 0.6:
    einigermaßen, halbwegs, mäßig
strength 0.8:
    ziemlich, recht, eher
strength 1.3:
    sehr, so, echt, richtig, wirklich, tief, zutiefst, besonders, ganz, riesig, große, großer, voller, arg,
    furchtbar, schrecklich, ungeheuer, ordentlich, mächtig
strength 1.5:
    absolut, total, völlig, extrem, komplett, unglaublich, wahnsinnig, unheimlich, vollkommen, überaus, äußerst,
    zu tode, rasend vor, maßlos, hochgradig, restlos, wahnsinnige, außer sich vor
beyond:
    nicht nur, nicht bloß, mehr als
keep:
    kann * kaum verbergen, kaum verbergen, kann nicht aufhören, nichts als, kein wunder
more:
    nie, niemals, noch nie, könnte nicht, kann nicht
not:
    nicht, kein, keine, keinen, keiner, keinerlei, keinem, ohne, weder, nicht mehr, nicht im geringsten,
    nicht die spur, frei von, statt, anstatt, kaum, nirgends, aufhören, alles andere als
gone:
    verschwindet, verschwunden, verflogen, verfliegt, vorbei, vergeht, weg
first:
    zuerst, zunächst, anfangs, am anfang, erst, zu beginn, beginnt, beginnend, fängt, startet, eingangs
last:
    endet, am ende, zuletzt, schließlich, zum schluss, letztlich, letztendlich
then:
    dann, danach, später, daraufhin, anschließend, plötzlich, auf einmal, bis, schlägt * um in, schlägt um in,
    geht über in, gefolgt von, immer mehr, allmählich, langsam, ->
turn:
    wird, werden, bevor, verwandelt
after:
    nachdem, nach anfänglicher, nach anfänglichem
despite:
    trotz, obwohl, wenngleich, hinter
but:
    aber, doch, sondern, jedoch, trotzdem, nur, eher
and:
    und, mit, gemischt mit, zugleich, gleichzeitig, sowie, außerdem
or:
    oder, noch
about:
    über, von, wegen, weil, dass, um, vor
from:
    von
to:
    zu, in
"""

_OPPOSITES = """
sad:
    glücklich, froh, fröhlich, freude, freudig, freut, zufrieden, begeistert, heiter, gut, okay, ok, in ordnung,
    gut gelaunt
angry:
    erfreut, amüsiert, freundlich
worried:
    ruhig, gelassen, entspannt, wohl, ruhe, sicher
"""

_ENDINGS = pairs(
    """
    erweise=, keit=, esten=, sten=, ster=, ste=, eren=, erer=, ere=, em=, en=, er=, es=, e=, n=, s=, st=, t=, end=en
    """
)

_COMMON = frozenset(
    """
    aber als am an auch auf aus bei bin bis bist da das dass dein dem den der des die doch du ein eine einem einen
    einer er es etwas für ganz gar habe haben hat hatte ich ihm ihn ihr im in ist ja kein keine man mehr mein mich
    mir mit nach nicht noch nur oder sehr sein sich sie sind so soll um und uns viel von vor war was wenn werden wie
    wir wird zu zum zur über
    """.split()
)

GERMAN = Vocabulary(language="de", table=_TABLE, opposites=_OPPOSITES, endings=_ENDINGS, common=_COMMON)
