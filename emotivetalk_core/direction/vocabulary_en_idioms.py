"""English: idioms, gestures and other phrases of the eight emotions. Data only; `vocabulary.py` says how to read it.

Written for this project from general knowledge of the language.
"""

IDIOMS = """
happy 0.7:
    light hearted, good mood, good spirits, high spirits, good humour, good humor, warm hearted, pleasant mood,
    at ease with the world, kind smile, well pleased, sympathetic smile, self satisfied
happy 1:
    cheer * up, hit the jackpot, win * lottery, won * lottery, win * prize, won * prize, on a high, in good heart,
    a weight off * mind, weight off * shoulders, tickle * fancy, well chuffed, in clover, on a roll,
    living the dream, laughing all the way, grinning from ear to ear, good vibes, heart skips with joy,
    touched by the kindness, fall in love, falling in love, newly in love, first love, over the rainbow,
    gleaming with, in love, tickled pink, blissed out, full of hope, tears of joy/happiness/laughter,
    cry/weep/sob with/for joy/happiness, happy tears, in good cheer, cheer up, on top form, full of beans,
    full of the joys of spring, happy as larry, happy as a clam, happy go lucky, made * day, make * day, all smiles,
    ear to ear, like * cat that got the cream, like * kid in a candy store, like * child at christmas,
    like * dog with two tails, pleased as punch, heart sings, spring in * step, music to * ears, dream come true,
    rose tinted, sunny side, bright side, as keen as mustard, thumbs up, high five, life of the party, feel great,
    feel good, feel fantastic, feel wonderful, feel amazing, feel like a million dollars, =up for it, can not wait,
    could not wait, look/looking forward, mood is up, brightens up, lights up, lit up, warm glow,
    could not ask for more, have a blast, have fun, have the time of * life, best day ever, best day of * life,
    burst/bursting with pride, heart swells, heart is full, heart melts, as proud as a peacock, proud as a peacock
happy 1.3:
    deliriously happy, over the moon, on cloud nine, cloud nine, cloud 9, seventh heaven, walk/walking on air,
    on top of the world, jump/jumping for joy, beside * with joy, beside * with happiness, floating on air,
    in paradise, in raptures, heaven on earth, buzzing with excitement, grin like a cheshire cat, tickled to death,
    bounce off the walls, bouncing off the walls, bursting with joy, bursting with happiness, happy beyond words,
    whoop with joy, squeal with delight, head over heels, dance/dancing in the streets, died and gone to heaven
happy 1 hint:
    good news, thank you, well done, good job
happy 1 sign:
    bright eyed, crack * up, crack up, burst out laughing, split * sides, in stitches, laugh out loud, ha ha,
    woo hoo, hip hip, hum a tune
angry 0.7:
    in a huff, ticked off, tee/teed off, cheesed off, brassed off, browned off, hacked off, put out, bad mood,
    foul mood, bad temper, short tempered, ill tempered, sick of, sick and tired, fed up, had enough,
    out of patience, end of * tether, end of * rope, at * wits end, get on * nerves, gets on * nerves,
    grinds * gears, rubs * the wrong way, bee in * bonnet, chip on * shoulder, bone to pick, out of sorts,
    got out of bed on the wrong side, got up on the wrong side, wrong side of the bed, not amused, less than pleased,
    less than impressed, bitterly angry, bad tempered, sour faced, hot under the collar, ruffle * feathers, at odds
angry 1:
    tear/tearing into a/an/the/him/her/them/someone, lay/laying into, chew/chewing * out, chewed * out,
    tell/telling * off, told * off, dress/dressing * down, read/reading * the riot act, riot act,
    give * a piece of * mind, giving * a piece of * mind, piece of * mind, bawl/bawling * out, yell/yelling at,
    shout/shouting at, scream/screaming at, snap/snapping at, bite/biting * head off, up to here, crossed the line,
    cross the line, out of line, spoiling for a fight, picking a fight, ready for a fight, ready to fight,
    looking for a fight, rub * up the wrong way, wind * up, winds * up, wound * up, blow/blowing * top,
    hit/hits the roof, hit/hits the ceiling, throw/throws/throwing * toys out, hackles up, hackles raised,
    get * hackles up, raises * hackles, seen red, saw red, sees red, got * blood up, in high dudgeon,
    on * high horse about, pick a bone, have a bone to pick, going off the deep end, go off the deep end,
    off the deep end, do * nut, doing * nut, fit to be tied, gone too far, went too far, stab * in the back,
    stabbed * in the back, double crossed, at daggers drawn, steam coming out of * ears, steam from * ears,
    steam out of * ears, smoke coming out of * ears, =mad at, hot headed, hot tempered, pissed off, mad as hell,
    mad as a hornet, mad as hops, cross as two sticks, hopping mad, spitting mad, see/seeing red, up in arms,
    lose/losing * temper, lose/losing * cool, lose/losing * rag, lose/losing * patience, lose/losing it,
    fly/flying off the handle, hit the roof, hit the ceiling, go through the roof, go ballistic, go berserk, go ape,
    go postal, go mental, blow up at, blow * top, blow * stack, blow a fuse, blow a gasket, blow * fuse, flip * lid,
    flip out, lash out, loses it, spit/spitting feathers, spit/spitting fire, breathe/breathing fire,
    foam/foaming at the mouth, fit of rage, fit of temper, throw a tantrum, get * goat, gets * goat,
    make * blood boil, blood boils, blood is boiling, boil/boiling over, boil/boiling with, boil/boiling point,
    like a bull in a china shop, like a bear with a sore head, drive * up the wall, drives * up the wall,
    drive * mad, drive * crazy, push * buttons, last straw, final straw, bites * head off,
    jump/jumping down * throat, shoot daggers, look daggers, looks daggers, stare daggers, bad blood, out for blood,
    on the warpath, hell hath no fury, face like thunder, ready to explode, about to explode, about to blow,
    about to snap, ready to punch, want to punch, want to hit, want to strangle, could strangle, could kill,
    red mist, red with rage, red in the face, red faced, purple in the face, at each other's throats
angry 1.3:
    seeing red, beside * with rage, beside * with anger, blind with rage, blinded by rage, white hot,
    incandescent with rage, raging mad, hell bent on revenge, explode with, blow up, blows up, bloody furious,
    livid with rage
angry 1 sign:
    vein throbbing, veins bulging, vein bulging, vein pulsing, jaw clenched, teeth clenched, fists clenched,
    fists balled, spit/spitting nails, eyes * flashing, eyes ablaze, murder in * eyes, grit * teeth,
    gritting * teeth, gritted teeth, bared teeth, bare * teeth, grind * teeth, grinding * teeth, stamp * foot,
    storm off, storms off, nostrils flare, flared nostrils, narrowed eyes, narrow * eyes, knitted brows, knit brows,
    angry eyes, jaw set, set jaw, wag * finger, point * finger, steam coming out, damn it, bloody hell, hell with,
    screw you
sad 0.7:
    let down, left out, the blues, feeling blue, out of spirits, low spirits, poor spirits, down in the mouth,
    a long face, long face, down on * luck, lump in * throat, heavy heart, heavy hearted, hang dog, feel empty,
    hollow inside, empty inside, bummed out
sad 1:
    cry/cried/crying over, floods of tears, tear/tears run/running/roll/rolling/stream/streaming down,
    tear rolls down, tear rolling down, cry * to sleep, cried * to sleep, weep/weeping bitterly, a broken heart,
    broken heart, heart in pieces, heart is heavy, heart of lead, cut up, down in the mouth, feel/feeling blue,
    in a funk, in low spirits, in the depths of despair, depths of despair, at death's door, as if * world had ended,
    as if * world has ended, end of the world, lost * will to live, lost the will to live,
    lose * mother/father/parents/wife/husband/child/friend/dog/cat/baby,
    lost * mother/father/brother/sister/son/daughter/wife/husband/child/friend/everything,
    smile fades/fading/drops/dropping/vanishes/disappears/dies/slips, smile is gone, voice breaks, voice cracks,
    voice breaking, voice cracking, choked up, all choked up, bear a cross, pour * heart out, pouring * heart out,
    left behind, at the grave, last goodbye, grief stricken, broken hearted, heart broken, down hearted,
    down in the dumps, in the dumps, in the doldrums, cut up about, down and out, feel down, feeling down, feel low,
    feeling low, feel like crying, want to cry, wants to cry, could cry, close to tears, near tears,
    on the verge of tears, verge of tears, edge of tears, brink of tears, fight back * tears, fighting back * tears,
    hold back * tears, holding back * tears, choke back * tears, choking back * tears, try not to cry,
    trying not to cry, blink back * tears, blinking back * tears, blink away * tears, welling up, well up,
    tears well, moved to tears, reduced to tears, in tears, in floods of tears, burst/bursting into tears,
    burst into tears, dissolve in tears, break/breaking down, breaks down, broke down, fall/falling apart,
    cry/crying * heart out, cry/crying * a river, cry/crying like a baby, sob/sobbing * heart out, sob story,
    heart sinks, heart sank, heart is breaking, heart breaks, heart aches, break * heart, breaks * heart,
    world fell apart, world has fallen apart, world is falling apart, world has collapsed, world collapsed,
    has lost everything, lose everything, lose all hope, lose hope, given up hope, rock bottom, hit rock bottom,
    vale of tears, like * someone died, kicked puppy, wounded puppy, lost puppy, like a wet weekend, face fell,
    face falls, dark cloud over, carry the weight of the world, weight of the world, have the blues,
    singing the blues, tears of grief, tears of sorrow, tears of sadness, at a low ebb, down at heart, sick at heart,
    torn apart inside, dying inside, dead inside, broken inside
sad 1.3:
    heart wrenching, gut wrenching, beside * with grief, overcome with grief, in pieces, in bits
sad 1 hint:
    bad news, bad day, sorely missed, over between us
sad 1 sign:
    teary eyed, misty eyed, dewy eyed, mouth turned down, corners of * mouth turned down,
    the light goes out of * eyes, light goes out of * eyes, eyes fill with tears, eyes full of tears, eyes well up,
    cry/crying * eyes out, puppy eyes, puppy dog eyes, moist eyes, glassy eyes, red rimmed eyes, at * funeral,
    boo hoo, quivering lip, lip quivers, lip trembles, trembling lip, trembling lips, lips tremble, lower lip,
    turned down mouth, corners of * mouth drop, wet eyes, eyes brimming, brimming eyes, watery eyes, hang * head,
    hanging * head, head hung, bow * head, break up, goodbye forever, passed away, passing of, death of, loss of,
    miss you, crushing loss
surprised 0.7:
    caught by surprise, does not know what hit, double take, doing a double take, caught unawares, unprepared for
surprised 1:
    out of left field, left field, come/came as a bombshell, come/came as a bolt, do/does/did a double take,
    you could have knocked, could have knocked * down, knocked for six, catch/caught * on the hop, on the hop,
    catch/caught * napping, pull the rug from under, rug pulled, take/takes/took * breath away, takes * breath away,
    stop dead, stopped dead, stops dead, strike dumb, lost for speech, can not find the words,
    had not seen that coming, never saw that coming, no one saw coming, nobody saw coming,
    like a bolt out of the blue, turn up for the books, well well well, well i never, walked in on,
    pulled a rabbit out, no idea it was coming, never dreamt, never dreamed, no one told * about,
    nobody told * about, nobody had told * about, pleasantly surprised, stunning news, awe struck, taken aback,
    taken by surprise, caught off guard, off guard, out of the blue, thrown for a loop, bolt from the blue,
    did not see that/it coming, never saw it/that coming, not see that/it/this coming, lost for words,
    at a loss for words, words fail, can not find words, can not believe * ears, could not believe * ears,
    not believe * ears, knocked sideways, knock * sideways, knock/knocked * down with a feather, knocked me down,
    knock * for six, knocked * for six, knock * socks off, knocked * socks off, blow/blew * mind, mind blown,
    blown away, mind is blown, stop/stopped * in * tracks, stopped dead in, hit by a bolt, hit like a bolt,
    like * seen a unicorn, caught * by surprise, catch * by surprise, catch * off guard, caught * off guard,
    took * by surprise, take * by surprise, take * aback, took * aback, rendered speechless, left speechless,
    tongue tied, struck dumb, can not believe, could not believe, can hardly believe, can barely believe,
    could hardly believe, scarcely believe, not believe, do a double take, hard to believe, who would have thought,
    fell off * chair, almost fall off * chair, nearly fall off * chair, nearly fell off, almost fell off,
    out of nowhere, plot twist, jumped out of nowhere, did not expect, not expect, never expected, was not expecting,
    not expecting, never would have guessed, would not have guessed
surprised 1.3:
    shell shocked, utterly speechless, bowled over, bowl/bowled * over, mind blowing, completely thrown,
    thrown completely, stunned silence
surprised 1 sign:
    raised eyebrows, raise/raising * eyebrows, lift * eyebrows, eyebrows up, eyebrows raised, eyebrows shoot up,
    eyebrows shot up, brows shoot up, eyes widen, eyes widened, widen * eyes, widening eyes, widened eyes,
    eyes grow wide, eyes go wide, eyes as big as saucers, eyes as wide as saucers, eyes out on stalks, drop * jaw,
    drops * jaw, dropped * jaw, dropped jaw, jaw drop, jaw drops, jaw dropped, jaw drops open, jaw on the floor,
    jaw hits the floor, jaw dropping, open mouthed, wide eyed, eyes wide, eyes wide open, eyes popping, eyes pop,
    eyes bulge, eyes like saucers, mouth open, mouth agape, can not believe * eyes, could not believe * eyes,
    not believe * eyes, eye popping, mouth falls open, mouth fell open, mouth hangs open, surprise visit,
    unexpected guest, unexpected gift, unexpected news, unexpected visitor, magic trick, oh my god, oh my gosh,
    oh my goodness, oh my word, oh my, oh wow, my god, my goodness, good heavens, good lord, good grief, goodness me,
    goodness gracious, holy cow, holy moly, holy smokes, no way, no kidding, you're kidding, you are kidding,
    you are joking, you must be joking, you have got to be kidding, got to be kidding, got to be joking,
    are you serious, for real, oh really, what the heck, what on earth, what in the world, say what, come again,
    is that true, is this real, is it really
fear 0.7:
    creeped out
fear 1:
    deer in the headlights, deer in headlights, deer caught in, rabbit in the headlights, rabbit in headlights,
    rabbit caught in, scare the life out, scared the life out, scare the pants off, scared the pants off,
    scare the wits out, frighten the life out, frightened of * own shadow, afraid for * life, in terror, in fear,
    in horror, in a panic, in panic, heart pounds, heart hammering, heart is hammering, heart thumping,
    heart in * throat, heart leapt into, break/broke/breaking out in a cold sweat, breaks out in a cold sweat,
    blood freeze, blood curdle, blood turned to ice, blood turns to ice, hairs stand up, chilled to the marrow,
    spine tingling, tingle down * spine, back against the wall, staring down the barrel, barrel of a gun,
    wet * pants, wetting * pants, pee * pants, crap * pants, crapping * pants, quake/quaking with,
    quiver/quivering with fear, tremble/trembling with fear, shake/shaking with fear, scream/screaming in terror,
    begging for * life, begs for * life, plead for * life, pleading for * life, face drained, face drains,
    colour drains from, color drains from, drained of colour, drained of color, ashen faced, face death,
    facing death, facing * worst nightmare, gulp of fear, stranger danger, hold/holding on for dear life,
    for dear life, scaredy cat, chicken out, chickened out, yellow bellied, nerve failed, lost * nerve, lose * nerve,
    dreadful fear, panic stricken, cold sweat, cold feet, lily livered, heart in * mouth, heart was in * mouth,
    heart is in * mouth, heart skips a beat, heart stopped, heart stops, heart pounding, heart is pounding,
    heart racing, heart is racing, blood runs cold, blood ran cold, blood run cold, blood freezes,
    chilled to the bone, chill down * spine, chills down * spine, shiver down * spine, shivers down * spine,
    give * the creeps, gives * the creeps, gave * the creeps, the creeps, the heebie jeebies, heebie jeebies,
    the willies, give * goosebumps, goose bumps, hairs on the back of * neck, make * skin crawl with fear,
    like * seen a ghost, seen a ghost, saw a ghost, white as a sheet, pale as a ghost, white as a ghost,
    pale as death, white knuckled, shake/shaking like a leaf, tremble/trembling like a leaf, shaking in * boots,
    shake in * boots, quake/quaking in * boots, jump/jumped out of * skin, jumps out of * skin, nearly jumped out,
    frozen with, frozen in place, frozen to the spot, rooted to the spot, afraid of * own shadow,
    scared of * own shadow, run/running for * life, runs for * life, fear for * life, fears for * life,
    scared of the dark, afraid of the dark, scream/screams bloody murder, in fear of, run for cover, running scared,
    wake from a nightmare, hide under * bed, hiding under, worst nightmare, wide with fear
fear 1.3:
    horror struck, horror stricken, panic attack, scared stiff, scared witless, scared to death,
    scared out of * wits, frightened out of * wits, scared senseless, frightened to death,
    scare the living daylights, scares the living daylights, scared half to death, frightened half to death,
    paralysed with fear, paralyzed with fear, paralysed by fear, paralyzed by fear, scared silly, scared shitless,
    scare the hell, scared the hell, scares the hell, bone chilling, blood curdling, spine chilling, mortal fear,
    out of * mind with fear, terror stricken, mortified with fear, bricking it
fear 1 sign:
    hide/hiding behind the sofa/curtain/door/couch, freezes in place, hair raised, hair on end, hair stood up,
    hair stand/stands/stood on end, hair standing on end, knees knocking, knees are knocking, knees shaking,
    knees weak, teeth chattering, weak at the knees with fear, wild eyed, eyes darting, hair raising,
    lost in the woods at night, alone in the dark, footsteps behind, like * hunted animal, hunted animal,
    trapped animal, cornered animal, someone is breaking in, breaking into the house, someone is following,
    being followed, being watched, someone is in the house, in danger, as if * monster, haunted house, horror film,
    horror movie, cringe in fear, recoil in fear, shrink back, back away, backing away, run away, help me, save me
disgusted 0.7:
    put off by, off putting, turned off, bad taste in * mouth, leave a bad taste
disgusted 1:
    pull/pulling/make/making a face at, pulls a face at, makes a face at, made a face at, pulled a face at,
    pull a face, pulls a face, pulling a face, make a face, makes a face, making a face, green around the gills,
    green about the gills, green at the gills, green in the face, turn green, turning green, turned green,
    going green, lose * lunch, lost * lunch, losing * lunch, bring up * lunch, brings up * lunch, lose * breakfast,
    lose * dinner, lost * dinner, toss * cookies, tossing * cookies, whiff of, a whiff, taste in * mouth, foul taste,
    bad smell, awful smell, terrible smell, horrible smell, vile smell, off putting, makes * flesh creep,
    make * flesh crawl, makes * flesh crawl, makes * gorge rise, gorge rises, stick in * throat, sticks in * throat,
    sticks in * craw, leave/leaves a bad taste, left a bad taste, leaves a nasty taste,
    can not bear the smell/sight/taste/thought, can not bear to look, can not even look at, turns * stomach,
    turn * stomach, do not want to touch, refuse to touch, touch * with tongs, tongue out in, sticks out * tongue,
    stick out * tongue, spit it out, spits it out, spitting it out, spat it out, spits out * food, found a worm,
    half a worm, bit into something, scrape off the shoe, something the cat dragged in, gross out, grossed out,
    throw up, throwing up, threw up, going to be sick, about to be sick, feel sick, feeling sick, sick to * stomach,
    sick to the stomach, sick at the sight, sick at the thought, make * sick, makes * sick, made * sick,
    turn/turns/turned/turning * stomach, stomach turns, stomach churns, stomach is churning, stomach turning,
    stomach churning, make * skin crawl, makes * skin crawl, made * skin crawl, skin crawls, skin crawling,
    flesh creep, flesh crawl, hard to swallow, hard to stomach, can not stomach, could not stomach,
    can not stand the smell/sight/taste/stench, could not stand the smell/sight/taste, taste of bile, sour milk,
    bitten into a lemon, bites into a lemon, bit into a lemon, sucked a lemon, sucking * lemon, suck * lemon,
    screw/screws/screwed up * face, hate the smell/taste, what is that smell, what is that stench, what died in here,
    would not touch * with a barge pole, would not touch * with a ten foot pole, ten foot pole, the ick, gag reflex,
    yuck face, eats something rotten, ate something rotten, ate something bad, ate something off, gone off,
    tasted something, tastes something, tastes bad, smells bad, smells awful, smells terrible, smells rotten,
    smells something, smelled something, smelling something, smelt something, stepped in dog
disgusted 1 sign:
    look down * nose, looks down * nose, nose wrinkled, nose wrinkles, nose wrinkling, nose scrunched, nose crinkled,
    nose up at, found a hair, finds a hair, wrinkle/wrinkling/wrinkled * nose, wrinkled nose, wrinkles * nose,
    scrunch/scrunched/scrunches * nose, crinkle/crinkles * nose, screw/screws/screwed up * nose,
    hold/holds/holding * nose, turn/turns/turned/turning * nose up, turn/turns/turned/turning up * nose,
    curl/curls/curled/curling * lip, curled lip, curled lips, lip curls, lips curl, lip curled, upper lip curled,
    rotten egg, rotten eggs, bad egg, rotten food, rotten fish, rotten meat, rotten milk, stepped in something,
    hair in * soup, fly in * soup, rubbish bin
worried 0.7:
    ill at ease, self conscious, second thoughts, in two minds
worried 1:
    weight on * mind, keep * up at night, keeps * awake, keep * awake,
    wait/waiting for * result/results/news/diagnosis/verdict/call, waiting to hear, waiting outside * office,
    on thin ice, skating on thin ice, heart in * boots, ants in * pants, sweat/sweating blood, can not settle,
    can not relax, can not sit still, can not stop pacing, second guess, second guessing, dark clouds on the horizon,
    storm clouds, a load on, weigh/weighs/weighing on, weigh heavily, weighs heavily, keeping * fingers crossed,
    on a knife edge, on a knife's edge, hang/hanging by a thread, in suspense, wait/waiting with bated breath,
    waiting anxiously, racked with doubt, sick to * stomach with worry, sick with nerves, shot nerves, frayed nerves,
    nerves are frayed, nerves are shot, nerves on edge, a case of nerves, pre wedding jitters, first night nerves,
    hand wringing, worry beads, glance over * shoulder, glancing over * shoulder, looks over * shoulder,
    looking over * shoulder, clock watching, afraid something happened, hope for the best, hoping for the best,
    under strain, in a cold sweat about, up all night, dreading tomorrow, feeling the pressure, in over * head,
    snowed under, at breaking point, breaking point, unsure what, unsure how, unsure whether, uncertain what,
    uncertain how, stressed out, under pressure, on edge, on tenterhooks, on pins and needles, pins and needles,
    on thorns, butterflies in * stomach, knot in * stomach, knots in * stomach, stomach in knots,
    stomach is in knots, tied up in knots, in knots, bundle of nerves, bag of nerves, a nervous wreck, nervous wreck,
    nerve racking, nerve wracking, nerve wrecking, nail biting, wring/wringing * hands, wrings * hands,
    pace up and down, pacing up and down, pace the floor, pacing the room, pace the room, lose/losing sleep,
    losing sleep, lost sleep, sleepless nights, can not sleep, could not sleep, toss and turn, tossing and turning,
    lying awake, lie awake, awake at night, up at night, weigh on * mind, weighs on * mind, weighing on * mind,
    cat on a hot tin roof, like a cat on hot bricks, walk/walking on eggshells, treading on eggshells,
    like a long tailed cat, sweat/sweating bullets, sweating it, in a stew, in a tizzy, in a flap, in a lather,
    hot and bothered about, the jitters, keyed up, wound up tight, strung out, highly strung, high strung,
    cross/crossing * fingers, fingers crossed, crosses * fingers, hold/holding * breath, holds * breath,
    with bated breath, bated breath, watch/watching the clock, watching the phone, waiting by the phone,
    waiting for the results, waiting for news, waiting for test results, fear the worst, fearing the worst,
    fears the worst, expect the worst, expecting the worst, bad feeling, sinking feeling, something is wrong,
    something might be wrong, something bad has happened, something has happened, something is off,
    something is not right, something bad, not so sure, not sure, biting fingernails, bite * fingernails,
    sick with worry, worried sick, worry lines, knitted with worry, waiting for the other shoe, other shoe to drop,
    hanging by a thread, world on * shoulders, burden on * shoulders, a load on * mind, load on * mind,
    out of * depth, in hot water, up the creek, sitting on a powder keg, at * wit's end with worry,
    climbing the walls, gnawing at, eating away at, eats away at, eat * up inside, panicking slightly, feel the heat,
    lot on * mind, something on * mind, cause for concern, cause for alarm, imposter syndrome, stage fright,
    exam nerves, trying to stay calm, try to stay calm, trying to keep calm, try to keep calm, tries to stay calm,
    struggling to stay calm, not at ease, lump in * stomach, pit in * stomach
worried 1.3:
    desperately worried, beside * with worry, beside * with anxiety, out of * mind with worry,
    at * wits end with worry, frantic with worry
worried 1 sign:
    tap/tapping * foot nervously, not home yet, bite/bites/biting * lip, chew/chews * nails, gnaw/gnawing * nails,
    gnaws * lip, brow knits, brow knitted, brows pinched, pinched brows, brows pulled together, crease in * brow,
    line between * brows, lines on * forehead, bite/biting * nails, bites * nails, chew/chewing * nails,
    chews * nails, chew/chewing * lip, chews * lip, bite/biting * lip, bites * lip, furrowed brow, furrowed brows,
    furrow/furrows/furrowing * brow, brow furrowed, brows furrowed, brows drawn, brow creased, creased brow,
    brows drawn together, brows knitted with worry, before the exam, before * interview, before * surgery,
    waiting room, missing child, late home, swallow hard, swallows hard, swallowing hard, what if, uh oh, oh dear,
    tapping * foot, drum * fingers, drumming * fingers, glances at the clock, look/looks at the clock,
    checks * phone, checking * phone, checking the clock, crease between * brows, forehead wrinkles,
    wrinkled forehead
neutral 1:
    just another day, another day at the office, all in a day's work, same as always, same old same old,
    nothing out of the ordinary, business as ever, as on any other day, not a flicker, without a flicker,
    not a muscle moves, does not move a muscle, not move a muscle, without moving a muscle, face gives nothing,
    no smile, no smile no frown, neither smile nor frown, neither smiling nor frowning, neither happy nor sad,
    neither one nor the other, neither here nor there, card player, chess player, blank slate, blank stare,
    mask like, like a mask, a mask, face like a mask, wax figure, like a doll, like a machine, machine like,
    on autopilot, going through the motions, just the facts, no nonsense, like a clerk, like a receptionist,
    like a judge, like a surgeon, like a pilot, captain speaking, speaking clock, sat nav, gps voice, text to speech,
    voice assistant, answering machine, station announcement, airport announcement, safety briefing,
    instruction video, training video, terms and conditions, reading out, reads out, reading aloud, weather girl,
    weather presenter, as if reading, as though reading, low key, mild mannered, still as a statue,
    no particular expression, not particularly happy or sad, nothing showing, nothing shows, shows no, show no,
    showing no, betrays no, betray no, no drama, no mood, no strong emotion, without drama, give a damn,
    not give a damn, does not matter, it does not matter, does not matter either way, no preference,
    either way is fine, makes no difference, all the same to, take it or leave it, cool headed, level headed,
    even tempered, even keel, at ease, at peace, stone faced, stone face, stony faced, poker face, poker faced,
    straight face, straight faced, dead pan, blank faced, blank expression, flat voice, flat affect, like a robot,
    like a statue, matter of fact, matter of factly, business like, business as usual, even voiced, even tone,
    self controlled, in control, under control, laid back, easy going, no emotion, without emotion,
    without any emotion, devoid of emotion, devoid of feeling, void of emotion, no emotions, without emotions,
    no feeling, no feelings, without feeling, free of emotion, no trace of emotion, not a trace of emotion,
    no sign of emotion, no expression, without expression, without any expression, no facial expression,
    shows nothing, show nothing, showing nothing, betrays nothing, betray nothing, betraying nothing,
    gives nothing away, give nothing away, giving nothing away, nothing at all, feels nothing, feel nothing,
    feeling nothing, no reaction, without reaction, does not react, do not react, no particular emotion,
    no particular feeling, no particular mood, nothing special, nothing in particular, does not bat an eye,
    not bat an eye, not bat an eyelid, without batting an eye, without batting an eyelid, bat an eyelid,
    not turn a hair, without turning a hair, cool as a cucumber, calm as a millpond, calm and collected,
    cool calm and collected, keep * cool, keeps * cool, kept * cool, keep calm, stay calm, stays calm, staying calm,
    keep * head, keeps a level head, keep a level head, keeps * composure, stiff upper lip, neither fish nor fowl,
    take it in * stride, takes it in * stride, in * stride, like water off a duck's back, water off a duck,
    no big deal, not a big deal, no biggie, do not care, does not care, did not care, do not mind, does not mind,
    could not care less, can not care less, could care less, not care, no opinion, no strong feelings, not bothered,
    not fussed, not fazed, not phased, on an even keel, resting face, face at rest, mouth closed, middle of the road,
    fence sitting, so so, as if nothing happened, as if nothing had happened, like nothing happened,
    nothing happened, no fuss, news reader, news anchor, news presenter, like reading the news, reading the news,
    reading from a list, reading a list, reads a list, reading a shopping list, reading the phone book,
    reads the phone book, reading the weather, weather report, weather forecast, passport photo, id photo, zoned out,
    even voice, still face, settle down, settles down, settled down, calm down, calms down, calmed down,
    calming down, cool down, cools down, cool off, cools off, regain * composure, regains * composure,
    pull * together, pulls * together, back to normal
neutral 1 hint:
    all right
neutral 1 sign:
    teacher explaining, on the fence
"""
