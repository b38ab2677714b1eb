"""English: the small words that change what an emotion's words say, its inflections, and the whole vocabulary.

Written for this project from general knowledge of the language. The words stand in `vocabulary_en_words.py`, idioms
and spoken lines in the files named after them.
"""

from .vocabulary import Vocabulary, pairs
from .vocabulary_en_idioms import IDIOMS
from .vocabulary_en_lines import LINES
from .vocabulary_en_words import WORDS

_CUES = """
strength 0.4:
    slightly, slight, slightest, faintly, faint, mildly, mild, subtle, subtly, hint of, hints of, touch of, a touch,
    trace of, traces of, a tad, a smidgen, a shade, ever so slightly, just a little, just a bit, only a little,
    only a bit, vaguely, vague, glimmer of, flicker of, whisper of, suggestion of, shadow of, spark of, barely, tiny,
    small, half hearted, gently amused
strength 0.5:
    a bit, a little, a little bit, little, kind of, kinda, sort of, sorta, a bit of, a little of, less, partly
strength 0.6:
    somewhat, moderately, moderate, mostly, lightly, light, maybe, vaguely
strength 0.8:
    rather, fairly, reasonably
strength 1:
    quite, pretty, simply, plain and simple
strength 1.3:
    very, really, so, such, too, truly, deeply, greatly, highly, seriously, awfully, real, big, broad, broadly, much,
    proper, properly, visibly, obviously, genuinely, terribly, dreadfully, deep, strong, strongly, intense,
    intensely, super, badly, bitterly, more, full of, filled with, brimming with, a lot of, lots of, plenty of,
    great, horribly, painfully, desperately, openly, profoundly, sorely, particularly, especially, exceptionally,
    extra, uncontrollably, hard, heavily, fiercely, hysterically, frightfully, jolly well, right, dead,
    well and truly, quite the, mighty, hugely, vividly, wide, wildly, way too, terrible, awful
strength 1.5:
    absolutely, extremely, totally, completely, utterly, incredibly, insanely, thoroughly, entirely, immensely,
    tremendously, enormously, exceedingly, beyond, unbelievably, overwhelmingly, overwhelming, utter, sheer, pure,
    total, complete, absolute, extreme, bursting with, overcome with, overcome by, overwhelmed by/with,
    out of * mind with, to death, as hell, as can be, to the core, to the bone, like never before, so much, most,
    madly, crazy, mega, hella, fucking, freaking, frigging, bloody, wholly, infinitely, ridiculously, outrageously,
    can not believe how, never been more, never been so, never been this, never been as, never felt more,
    never felt so, never felt this, never seen * so/this/more, never looked so/more, can not be more,
    could not be more, can not get any more, could not be any, beside * with, consumed by/with, eaten up with,
    racked with, wracked with, riddled with, paralysed with/by, paralyzed with/by, blinded by, blind with, mad with,
    crazy with, sick with, insane with, drunk with, more than ever, off the charts, times a million, maximum,
    maximally, 100, supremely, deliriously, through and through, out of * mind, through the roof, beyond words,
    beyond belief
beyond:
    not only, not just, not merely, not simply, more than, more than just, beyond just
keep:
    can not help, could not help, can barely/hardly/scarcely, could barely/hardly/scarcely,
    barely/hardly/scarcely contain/hide/conceal/suppress/disguise/mask/stop/control,
    can not/could not hide/contain/conceal,
    can not hide/contain/conceal/suppress/disguise/mask/stop/control/hold/keep/resist,
    could not hide/contain/conceal/suppress/disguise/mask/stop/control/hold/keep/resist,
    unable to hide/contain/conceal/suppress/disguise/mask/stop/control, no end of, nothing but, nothing short of,
    no doubt, no wonder, no matter, no question, not a little, no small, not without, not hide, not hiding,
    without a doubt, why not, no one is more, nobody is more, no less than, try not to, trying not to, tries not to,
    not even trying to hide, never stop, never stops, does not stop, will not stop, do not know whether
not:
    not, no, never, neither, nor, without, lack, lacking, hardly, scarcely, no longer, not any longer, stop, quit,
    free of, free from, far from, anything but, devoid of, void of, absence of, instead of, rather than,
    as opposed to, than, nothing, none, zero, cease, get over, recover from, let go of, refuse to, nowhere near,
    rid of, not at all, not the least bit, not in the least, not a bit, not remotely, not even, not a trace of,
    not a hint of, not a shred of, not a sign of, no sign of, no trace of, no hint of, used to be, unable to,
    incapable of, avoid, fail to, minus, except, by no means, in no way, never once
gone:
    gone, fade, fades, vanish, disappear, evaporate, subside, melt away, wear off, drain away, is over, has passed,
    have passed, passes, passed, has left, have left, leaves, lifts, lifted, forgotten, behind her, behind him,
    behind them
first:
    first, at first, firstly, first of all, initially, to begin with, to start with, at the start, at the beginning,
    at the outset, in the beginning, in the first half, start, starts, started, starting, begin, begins, began,
    beginning, open, opens, opening, originally, for a moment, for a second, for a while, for a bit, one moment,
    one minute, early on, before the, before it
last:
    end, ends, ending, end up, ends up, ended up, finish, finishes, finishing, finally, in the end, at the end,
    at last, ultimately, by the end, by the close, towards the end, toward the end, lastly, in the second half,
    conclude, concludes, at the close, last of all
then:
    then, and then, but then, only then, later, later on, afterwards, afterward, after that, after which, after it,
    subsequently, thereafter, eventually, until, till, followed by, give/gives/giving/gave way to, turn to,
    turn into, shift to/into, switch to, change to/into, morph into, move to, move into, move on to, slide into,
    slip into, drift into, sink into, melt into, fade into, fade to, dissolve into, break into, burst into,
    erupt into, explode into, build to, build up to, build into, develop into, evolve into, transition to/into,
    transform into, grow into, flip to, flip into, lead to, and now, but now, now, next, the next, soon, suddenly,
    all of a sudden, before long, replaced by, overtaken by, succeeded by, progress to, escalate to/into,
    culminate in, culminating in, halfway, halfway through, midway, partway, a moment later, moments later,
    seconds later, gradually, slowly, bit by bit, little by little, increasingly, more and more, second, secondly,
    third, thirdly, by and by, in turn, spiral into, collapse into, tip over into, ->
turn:
    get, grow, turn, become, go, come, feel suddenly, before, once, as soon as, when, slip, switch, wind up, winds up
after:
    after * being/initial/initially/feeling/looking/starting/first/moment/having, having been, having started
despite:
    despite, in spite of, although, even though, though, behind, beneath, underneath
more:
    never been, never felt, never looked, never seemed, never sounded, can not be, could not be, can not get,
    could not get, never seen *
but:
    but, yet, however, nevertheless, still, rather, instead, just, only, albeit, except that, actually
and:
    and, with, mixed with, mix of, mixture of, blend of, tinged with, tinged by, plus, as well as, also, along with,
    together with, while, both, at the same time, equal parts, part, combined with, coloured by, colored by,
    laced with, underlined with, &, even if, half
or:
    or, nor
about:
    of, by, about, at, because, since, over, for, that, due to, thanks to, from, if, whether, who, whose
from:
    from
to:
    to, into
change:
    burst, break, calm, cheer, settle, cool, lose, explode, erupt, fly, flip, blow, light, snap, collapse, dissolve,
    relax, regain
"""

_OPPOSITES = """
sad:
    cheer, cheer up, cheer * up, smile much, happy, happily, happiness, glad, gladly, cheerful, joy, joyful, joyous,
    delighted, delight, pleasure, content, contented, hopeful, optimistic, proud, okay, ok, fine, alright, all right,
    well, in a good mood, good mood, in good spirits, good spirits, thrilled, overjoyed, ecstatic, elated, good,
    great, satisfied, loved, merry, jolly, upbeat, bright, fun
angry:
    pleased, amused, friendly, welcoming, nice, at all pleased
worried:
    calm, at ease, relaxed, peaceful, steady, reassured, comfortable, confident, in control, relax
"""
"""What is felt where one of these is denied; where any other is, nothing much is: neutral."""

_ENDINGS = pairs(
    """
    iness=y, ness=, ily=y, bly=ble, ly=, ies=y, es=, s=, ied=y, ed=, ed=e, ying=ie, ing=, ing=e, in=ing, ier=y, er=,
    er=e, iest=y, est=, est=e, ment=, ish=
    """
)

_IRREGULAR = pairs(
    """
    lost=lose, felt=feel, wept=weep, shook=shake, shaken=shake, froze=freeze, frozen=freeze, threw=throw,
    thrown=throw, gave=give, given=give, bit=bite, bitten=bite, broke=break, broken=break, burst=burst, held=hold,
    kept=keep, fell=fall, fallen=fall, flew=fly, drove=drive, driven=drive, blew=blow, blown=blow, got=get,
    gotten=get, became=become, grew=grow, grown=grow, went=go, goes=go, gone=go, began=begin, begun=begin, hid=hide,
    hidden=hide, sang=sing, stank=stink, stunk=stink, shrank=shrink, ran=run, came=come, lit=light, hit=hit,
    spat=spit, swore=swear, sworn=swear, hung=hang, sank=sink, sunk=sink, fled=flee, rose=rise, made=make,
    left=leave, stood=stand, tore=tear, found=find, wound=wind, stung=sting, bore=bear, dying=die, died=die,
    led=lead
    """
)

_CONTRACTIONS = pairs(
    """
    can't=can not, cannot=can not, cant=can not, won't=will not, wont=will not, ain't=is not, shan't=shall not,
    let's=let us, n't=not, 's=is, 'm=am, 're=are, 'll=will, 've=have, 'd=would, dont=do not, doesnt=does not,
    didnt=did not, isnt=is not, arent=are not, wasnt=was not, couldnt=could not, im=i am, ive=i have, youre=you are,
    thats=that is, whats=what is, gonna=going to, wanna=want to, gotta=got to
    """
)

_COMMON = frozenset(
    """
    a about after all am an and are as at be been being but by can do does face for from get gets had has have he
    her him his how i if in into is it its just like look looks make makes me more my no not of on or our out over
    she so than that the their them then they this to up very was we were what when who will with would you your
    """.split()
)

ENGLISH = Vocabulary(
    language="en",
    table=WORDS + IDIOMS + LINES + _CUES,
    opposites=_OPPOSITES,
    endings=_ENDINGS,
    irregular=dict(_IRREGULAR),
    contractions=dict(_CONTRACTIONS),
    common=_COMMON,
)
