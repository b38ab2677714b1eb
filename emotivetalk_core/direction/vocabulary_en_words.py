"""English: the single words and signs of the eight emotions. Data only; `vocabulary.py` says how to read it.

Written for this project from general knowledge of the language.
"""

# Emoji stand by their names, and by their numbers where Python 3.10 does not know the name yet: tools on Windows read
# sources in cp1252, which has none.
WORDS = """
happy 0.7:
    content, contented, contentment, pleased, pleasure, satisfied, satisfaction, gratified, amused, amusement,
    optimistic, optimism, hopeful, hopefulness, encouraged, reassured, relieved, relief, upbeat, friendly, welcoming,
    affectionate, affection, tender, tenderness, fond, fondness, mellow, sunny, positive, warmth, cosy, fulfilled,
    lighthearted, appreciative, endeared, flattered, charmed, charming, comforted, =warm, heartened, smug,
    mischievous, cheeky, flirty, flirtatious, warmly, kindly
happy 1:
    whistling, happy, happily, happiness, glad, gladly, gladness, cheerful, cheerfulness, cheery, joy, joyful,
    joyous, merry, merriment, jolly, jovial, delight, delighted, gleeful, glee, bubbly, playful, excited, excitement,
    enthusiastic, enthusiasm, eager, eagerly, proud, pride, grateful, gratitude, thankful, chipper, perky, radiant,
    glowing, love, loving, smitten, adore, adoring, adoration, lovestruck, enamoured, enamored, infatuated, mirth,
    jaunty, buoyant, carefree, exuberant, exuberance, festive, chuffed, tickled, stoked, pumped, psyched, hyped,
    blessed, lucky, beaming, beatific, bliss, blissful, elation, vivacious, effervescent, sparkling, giddy,
    giddiness, jubilation, rejoice, rejoicing, triumph, triumphant, victorious, enchanted, enraptured, enjoying,
    enjoyment, =merrily
happy 1.3:
    ecstatic, ecstasy, elated, overjoyed, thrilled, euphoric, euphoria, jubilant, exultant, exultation, rapturous,
    rapture, exhilarated, exhilaration, delirious, happiest, =buzzing
happy 1 hint:
    fun, lovely, wonderful, fantastic, great, awesome, brilliant, perfect, beautiful, nice, splendid, marvellous,
    marvelous, fabulous, superb, excellent, terrific, magnificent, delicious, sweet, cute, adorable, good, best, win,
    won, winner, sunshine, holiday, vacation, success, thanks, gorgeous, glorious, yes, bright, brightly
happy 1 sign:
    smile, smiley, grin, beam, laugh, laughter, chuckle, giggle, cackle, smirk, twinkle, twinkling, =sparkle, dimple,
    wink, lol, lmao, rofl, haha, hahaha, hehe, hihi, teehee, yay, yaay, yippee, woohoo, wahoo, whoopee, hooray,
    hurray, hurrah, yeehaw, yess, woot, cheer, cheering, clap, applaud, applause, party, celebrate, celebration,
    congratulations, congrats, birthday, jackpot, bravo, hug, kiss, funny, hilarious, joke, joking, comedy, dance,
    dancing, sing, singing, skip, skipping, \N{GRINNING FACE}, \N{SMILING FACE WITH OPEN MOUTH},
    \N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}, \N{GRINNING FACE WITH SMILING EYES},
    \N{SMILING FACE WITH OPEN MOUTH AND TIGHTLY-CLOSED EYES}, \N{SMILING FACE WITH OPEN MOUTH AND COLD SWEAT},
    \N{FACE WITH TEARS OF JOY}, \N{ROLLING ON THE FLOOR LAUGHING}, \N{SMILING FACE WITH SMILING EYES},
    \N{SLIGHTLY SMILING FACE}, \N{SMILING FACE WITH HALO}, \N{SMILING FACE WITH SMILING EYES AND THREE HEARTS},
    \N{SMILING FACE WITH HEART-SHAPED EYES}, \N{GRINNING FACE WITH STAR EYES}, \N{FACE THROWING A KISS},
    \N{KISSING FACE}, \N{FACE SAVOURING DELICIOUS FOOD}, \N{SMILING FACE WITH SUNGLASSES},
    \N{FACE WITH PARTY HORN AND PARTY HAT}, \N{HUGGING FACE}, \N{SMILING CAT FACE WITH HEART-SHAPED EYES},
    \N{SMILING CAT FACE WITH OPEN MOUTH}, \N{GRINNING CAT FACE WITH SMILING EYES}, \N{HEAVY BLACK HEART},
    \N{SPARKLING HEART}, \N{TWO HEARTS}, \N{PARTY POPPER}, \N{CONFETTI BALL}, \N{THUMBS UP SIGN}, \N{RELIEVED FACE},
    \N{WINKING FACE}, \N{SMIRKING FACE}, \U0001f979, \N{SUN WITH FACE}, \N{BLACK SUN WITH RAYS}, \N{BIRTHDAY CAKE}, :),
    :d, =), =d, :p, ;), xd, <3, :], \N{DANCER}, \N{MAN DANCING}, \N{PERSON RAISING BOTH HANDS IN CELEBRATION},
    \N{BOTTLE WITH POPPING CORK}, \N{CLINKING GLASSES}, \N{RAINBOW}, \N{WHITE SMILING FACE},
    \N{FACE WITH STUCK-OUT TONGUE AND WINKING EYE}, \N{FACE WITH STUCK-OUT TONGUE AND TIGHTLY-CLOSED EYES},
    \N{FACE WITH STUCK-OUT TONGUE}, \N{YELLOW HEART}, \N{TROPHY}, \U0001faf6, \N{WRAPPED PRESENT}
angry 0.7:
    annoyed, annoy, annoyance, annoying, irritated, irritate, irritation, irritable, irked, irksome, miffed, peeved,
    peevish, cross, =crossly, grumpy, grouchy, cranky, crabby, cantankerous, testy, tetchy, snappy, snappish,
    impatient, impatience, displeased, displeasure, exasperated, exasperation, frustrated, frustration, frustrating,
    disgruntled, vexed, vexation, riled, ruffled, nettled, bothered, prickly, surly, sullen, petulant, huffy,
    grumbling, narked, shirty, stroppy, stern, jealous, jealousy, envious, envy, defiant, defiance, cheated,
    insulted, offended, affronted, slighted, bitter, bitterness, resentful, resentment, resent, aggrieved, grudge,
    grudging, spiteful, spite, harsh, harshly, gruff, curt, accusing, reproachful, rebuke, scolding, disapproving,
    disapproval, indignant, indignation
angry 1:
    angry, anger, angrily, =mad, madness, rage, raging, hostile, hostility, aggressive, aggression, aggro,
    belligerent, irate, ire, wrath, wrathful, incensed, hate, hateful, hatred, vengeful, vengeance, revenge,
    menacing, threatening, fierceness, heated, fuming, fume, seething, seethe, simmering, smouldering, smoldering,
    steaming, steamed, pissed, outraged, outrage, infuriated, infuriate, infuriating, enraged, enrage, tantrum,
    temper
angry 1.3:
    furious, furiously, fury, livid, apoplectic, rabid, incandescent, boiling, murderous, ballistic, berserk,
    explodes, exploding, explode, erupts, erupt, violent, violently
angry 1 sign:
    strict, fierce, scowl, glare, glower, growl, snarl, bark, shout, shouting, yell, roar, bellow, snap, snapping,
    hiss, grumble, curse, swear, swearing, rant, ranting, fist, clench, clenched, stomp, slam, slams, flare, thunder,
    thunderous, damn, dammit, goddamn, grr, grrr, argh, arrgh, aargh, wtf, \N{ANGRY FACE}, \N{POUTING FACE},
    \N{SERIOUS FACE WITH SYMBOLS COVERING MOUTH}, \N{IMP}, \N{ANGER SYMBOL}, \N{FACE WITH LOOK OF TRIUMPH},
    \N{POUTING CAT FACE}, \N{REVERSED HAND WITH MIDDLE FINGER EXTENDED}, >:(, >:[, \N{SKULL AND CROSSBONES}, \N{FIRE}
sad 0.7:
    upset, downcast, disappointed, disappointment, disappointing, dismayed, dispirited, discouraged, disheartened,
    deflated, subdued, wistful, wistfulness, melancholy, melancholic, melancholia, pensive, nostalgic, nostalgia,
    homesick, homesickness, lonely, loneliness, lonesome, isolated, abandoned, rejected, rejection, unloved,
    unwanted, neglected, regret, regretful, rueful, remorse, remorseful, sorry, apologetic, contrite, ashamed, shame,
    guilty, guilt, embarrassed, embarrassment, humiliated, humiliation, wounded, crestfallen, glum, gloomy, gloom,
    dejected, dejection, despondent, despondency, morose, sombre, somber, sombreness, mournful, blue, mopey, moping,
    mope, weary, wearily, defeated, resigned, resignation, pessimistic, helpless, disillusioned, cheerless, joyless,
    unfulfilled, dissatisfied, discontent, discontented, pitying, compassion, compassionate, sympathetic, sympathy,
    condolence, condolences, hangdog, teary, tearful, tearfulness, doleful, plaintive, yearning, longing, forlornly,
    bleak, emptiness, bummed, sorrowing
sad 1:
    grim, grimly, sad, sadly, sadness, sadden, saddened, unhappy, unhappiness, unhappily, miserable, misery,
    miserably, sorrow, sorrowful, depressed, depression, depressing, grief, grieve, grieving, mourn, mourning,
    bereaved, woeful, woe, forlorn, dismal, hopeless, hopelessness, despair, despairing, lament, lamenting,
    brokenhearted, heartbroken, heartbreak, heartbreaking, heartache, heartsick, inconsolable, disconsolate,
    downhearted, desolate, suffering, anguish, anguished, pain, pained, agony, wretched, wretchedness, lovesick,
    lovelorn, weepy, gutted
sad 1.3:
    devastated, devastation, devastating, crushed, shattered, broken, suicidal, distraught, bereft, inconsolably,
    tormented
sad 1 hint:
    lost, lose, miss, missed, unfortunate, unfortunately, poor, pale, cloud, grey, rain, bad, terrible, awful, worse
sad 1 sign:
    =alone, hurt, low, =down, pity, =empty, tragic, tragedy, cry, cries, crying, tear, tears, weep, sob, sobbing,
    bawl, bawling, whimper, wail, sniffle, sniff, snivel, pout, pouting, sigh, frown, sulk, sulky, sulking, drooping,
    droop, droopy, downturned, slumped, funeral, grave, graveside, burial, widow, widowed, orphan, orphaned, breakup,
    dump, dumped, divorce, divorced, mourner, farewell, died, dies, =dead, =loss, alas, obituary, eulogy,
    \N{CRYING FACE}, \N{LOUDLY CRYING FACE}, \N{DISAPPOINTED FACE}, \N{PENSIVE FACE}, \N{WHITE FROWNING FACE},
    \N{SLIGHTLY FROWNING FACE}, \N{CRYING CAT FACE}, \N{BROKEN HEART}, \N{FACE WITH PLEADING EYES},
    \N{DISAPPOINTED BUT RELIEVED FACE}, \N{SLEEPY FACE}, \N{WEARY FACE}, \N{WILTED FLOWER}, \N{PERSEVERING FACE}, :(,
    :'(, ;(, =(, :[, </3, \N{CLOUD WITH RAIN}, \N{BLACK HEART}
surprised 0.7:
    intrigued, curious, curiosity, puzzled, bewildered, bewilderment, perplexed, baffled, mystified, bemused,
    confused, confusion, disbelief, disbelieving, incredulous, incredulity, incredulously, wonder, wonderment,
    impressed
surprised 1:
    bombshell, breathless, breathtaking, surprise, surprised, surprising, surprisingly, startle, startled, startling,
    amazed, amazement, amaze, astonished, astonishment, astonish, shock, shocked, shocking, stunned, stun, staggered,
    speechless, awe, awed, awestruck, wonderstruck, agape, agog, gape, gaping, gobsmacked, flabbergasted,
    dumbfounded, dumbstruck, thunderstruck, nonplussed, blindsided, unbelievable, unbelieving, incredible,
    inconceivable, eureka
surprised 1.3:
    astounded, astounding, stupefied, dumfounded, floored
surprised 1 sign:
    unexpected, unexpectedly, gasp, gasping, blink, blinking, blinks, wow, whoa, woah, omg, omfg, heavens, gosh,
    golly, gee, blimey, crikey, cor, jeez, jesus, holy, huh, eh, aha, ooh, \N{FACE WITH OPEN MOUTH}, \N{HUSHED FACE},
    \N{ASTONISHED FACE}, \N{FLUSHED FACE}, \N{SHOCKED FACE WITH EXPLODING HEAD}, \N{WEARY CAT FACE}, \N{DIZZY FACE}, :o,
    =o, \N{EXCLAMATION QUESTION MARK}, \N{DOUBLE EXCLAMATION MARK}, \N{HEAVY EXCLAMATION MARK SYMBOL}, \U0001fae2,
    \U0001fae8, \N{FIREWORKS}
fear 0.7:
    intimidated, spooked, spooky, jumpy, skittish, timid, timidity, shrinking, cowed, cowardly, threatened,
    defenceless, defenseless, vulnerable
fear 1:
    quaking, quail, ashen, fear, fearful, fearfully, fearfulness, afraid, scare, scared, scary, scaredy, frighten,
    frightened, frightening, fright, frightful, dread, dreading, alarm, alarmed, phobia, phobic, panic, panicky,
    panicked, panicking, terror, hysteria, hysterical, paranoid, haunted, menaced, trepidation, goosebumps, cornered,
    hunted, trapped
fear 1.3:
    terrified, terrify, terrifying, horror, horrified, horrify, horrifying, petrified, petrify, terrorised,
    terrorized
fear 1 sign:
    prey, intruder, nightmare, nightmarish, danger, monster, ghost, tremble, trembling, shiver, shivering, shaking,
    shake, shaky, shudder, quiver, cower, cowering, flinch, scream, screaming, shriek, freeze, freezes, flee,
    fleeing, help, aaah, aah, aaargh, eek, eeek, yikes, spider, snake, burglar, stalker, gun, knife,
    \N{FACE SCREAMING IN FEAR}, \N{FEARFUL FACE}, \N{GHOST}, \U0001fae3, \N{SKULL}, d:
disgusted 0.7:
    distaste, distasteful, squeamish, queasy, nauseous, nausea, contempt, contemptuous, disdain, disdainful, scorn,
    scornful, aversion, averse, unappetising, unappetizing, unsavoury, unsavory, snooty, haughty, dislike, sneering,
    snide, fastidious
disgusted 1:
    hurl, spew, upchuck, barf, barfing, bile, grody, minging, manky, disgust, disgusted, disgusting, disgustedly,
    gross, grossed, repulsed, repulsive, repulse, repulsion, repelled, repel, repellent, repugnant, repugnance,
    revolted, revolting, revolt, revulsion, sickened, sickening, sicken, nauseated, nauseating, appalled, appalling,
    loathe, loathing, loathsome, abhor, abhorrence, abhorrent, detest, detestable, vile, foul, nasty, icky, yucky,
    vomit, vomiting, puke, puking, cringe, cringing, cringeworthy, ick
disgusted 1 sign:
    gag, gagging, retch, retching, heave, sneer, grimace, yuck, yuk, yucky, eww, ew, eew, ewww, ugh, urgh,
    bleh, blech, blegh, bah, pah, pfui, pew, stink, stinks, stinking, stinky, stench, reek, reeks, reeking, smelly,
    smell, odour, odor, rotten, rotting, mould, mouldy, mold, moldy, slime, slimy, filth, filthy, dirty, maggot,
    maggots, cockroach, cockroaches, rat, rats, worm, worms, slug, sewage, sewer, garbage, dumpster, spoiled, spoilt,
    rancid, putrid, decay, decaying, carcass, corpse, toilet, snot, pus, sticky, greasy, recoil, recoiling,
    \N{NAUSEATED FACE}, \N{FACE WITH OPEN MOUTH VOMITING}, \N{CONFOUNDED FACE}, \N{SNEEZING FACE}, \N{PILE OF POO},
    \N{RAT}, \N{COCKROACH}, \N{LYING FACE}, \N{WASTEBASKET}
worried 0.7:
    concern, concerned, apprehensive, apprehension, uneasy, unease, uneasiness, uneasily, nervous, nervously,
    nervousness, tense, tension, tensely, restless, hesitant, hesitation, hesitating, uncertain, uncertainty, unsure,
    insecure, insecurity, doubtful, doubt, doubting, sceptical, skeptical, suspicious, suspicion, wary, wariness,
    cautious, guarded, disquiet, disquieted, preoccupied, uncomfortable, discomfort, awkward, misgivings,
    reservations, qualms, perturbed, unsettled, unsettling, fretful, solicitous, shy, shyly, bashful, sheepish
worried 1:
    overthink, overthinking, spiralling, spiraling, suspense, suspenseful, worry, worried, worriedly, worrisome,
    worrying, worrier, anxious, anxiously, anxiety, anxieties, angst, stress, stressed, stressful, strained, fret,
    fretting, agitated, agitation, agitatedly, troubled, disturbed, distressed, distress, overwhelmed, edgy,
    butterflies, nerves, pacing, sleepless, antsy, jittery, jitters, twitchy, fidgety, uptight
worried 1.3:
    frantic, frantically, desperate, desperation, fraught, overanxious
worried 1 sign:
    pressure, trouble, fidget, fidgeting, sweat, sweating, sweaty, gulp, gulping, stammer, stammering, stutter,
    stuttering, wince, hmm, hmmm, \N{WORRIED FACE}, \N{ANGUISHED FACE}, \N{FACE WITH OPEN MOUTH AND COLD SWEAT},
    \N{GRIMACING FACE}, \N{FROWNING FACE WITH OPEN MOUTH}, \U0001fae4, \N{CONFUSED FACE},
    \N{HAND WITH INDEX AND MIDDLE FINGERS CROSSED}, :s, :/, \N{FACE WITH COLD SWEAT}
neutral 1:
    mannequin, autopilot, dry, drily, dryly, clinical, clinically, bureaucratic, satnav, automated, automatic,
    tannoy, lecturer, weatherman, unaffectedly, undramatic, understated, lowkey, sedate, lukewarm, tepid, mechanical,
    neutral, neutrally, calm, calmly, calmness, composed, composure, collected, relaxed, relax, peaceful, serene,
    serenity, serenely, tranquil, tranquillity, tranquility, placid, placidly, unruffled, unfazed, unflappable,
    unperturbed, unbothered, unconcerned, unworried, untroubled, unimpressed, unmoved, unaffected, undisturbed,
    unafraid, unsurprised, unemotional, emotionless, emotionlessly, expressionless, impassive, impassively,
    impartial, indifferent, indifference, indifferently, apathetic, apathy, detached, detachment, dispassionate,
    dispassionately, stoic, stoical, stoically, stolid, stony, stonefaced, pokerface, deadpan, blank, blankly, bland,
    vacant, flat, flatly, monotone, monotonous, wooden, robotic, robot, statue, mechanically, factual, factually,
    objective, objectively, businesslike, professional, professionally, formal, formally, sober, soberly, serious,
    seriousness, earnest, steady, measured, reserved, restrained, controlled, nonchalant, nonchalance, nonchalantly,
    casual, casually, easygoing, unhurried, bored, boredom, boring, uninterested, disinterested, listless, aloof,
    distant, inexpressive, unexpressive, unreadable, inscrutable, normally, meh, whatever, shrug, shrugs, shrugging,
    newsreader, newscaster, anchorwoman, anchorman, narrator, announcer, mugshot, zen, evenly, quiet, quietly,
    \N{NEUTRAL FACE}, \N{EXPRESSIONLESS FACE}, \N{FACE WITHOUT MOUTH}, \N{MOYAI}, \N{PERSON IN LOTUS POSITION},
    \N{SHRUG}, :|
neutral 1 hint:
    okay, ok, fine, alright, cool, well, simple, simply, clear, clearly, thinking, thoughtful, attentive, listening,
    explain, explains, explaining, informative, confident, confidently, confidence, polite, politely, soft, softly,
    gentle, gently, tired, sleepy, hm
neutral 1 sign:
    tutorial, documentary, lecture, normal, ordinary, plain, plainly, default, regular, usual, standard
"""
