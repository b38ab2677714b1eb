"""What the notes of the example workflows say, in Markdown, and what the blueprint "Talk" offers outside its box."""

NOTES = {
    "quick_start": """\
## A portrait speaks

Press **Run**. The bundled portrait says the bundled sentence, happily; on a CPU this takes about a minute.

**Your own files**: put *Load Image* and *Load Audio* in the place of *Example Portrait and Speech*. The demo
weights know drawn faces only.

**Another emotion**: choose it in *Emotion*. Only what depends on it is computed again.

**Another take**: change the seed of *Windowed DDIM Sampler* (another picture) or of *Sample Expression* (another
play of the face).
""",
    "emotion_from_a_picture": """\
## The emotion comes from a picture

*Encode Expression* reads the emotion from the face in a picture; here *Example Faces* draws one. It takes the place
of the *Emotion* node.

**Your own picture**: put *Load Image* in the place of *Example Faces*. Several pictures as a batch give their mean.

The speaker stays the person of the portrait; from the picture comes the expression alone.
""",
    "emotion_from_a_driving_video": """\
## A film leads the face

*Encode Expression* reads every frame of a film, and the portrait makes the same face at the same time; its lips
follow the speech. Here *Example Faces* draws the film, exactly as long as the speech.

**Your own film**: put *Load Video* and *Get Video Components* in the place of *Example Faces*. Film and speech must
have the same number of frames at 25 per second; the film's own sound has.

*Sample Expression (Di-CTE)* is not needed: the film says what it would have invented.
""",
    "eight_emotions": """\
## All eight emotions, side by side

Eight *Emotion* nodes make a list, and ComfyUI runs everything behind *Create List* once for each of them. *Merge
List of Tiles* puts the eight videos beside each other:

| | | | |
|---|---|---|---|
| happy | angry | sad | surprised |
| fear | disgusted | worried | neutral |

**Longer**: raise the duration in *Trim Audio Duration*. **Weaker or stronger**: change an *intensity*.
""",
    "long_speech": """\
## Speech of any length

Long videos are sampled in windows that overlap. All windows move through every step together, so nothing drifts and
no seam is seen.

*window* is how many frames are sampled together, *overlap* how many of them two neighbours share. More of both is
smoother and slower.

*Decode to Video* writes the frames into the file as they come: memory does not grow with the length.

*Preview Expression* shows what lips and face will do before the slow part begins.

**Your own speech**: put *Load Audio* in the place of *Audio Concat*, which only makes the example longer.
""",
    "paste_back": """\
## The face moves, the picture stays

*Face Regions* cuts the face out of a larger picture and remembers where it was; *Paste Back* puts the talking face
back there.

**Your own picture**: put *Load Image* in the place of the nodes that paint the larger picture. Transparency is
kept.

**Finer**: between *Get Video Components* and *Paste Back* there is room for an upscaler or a frame interpolation.
""",
    "stock_ksampler": """\
## ComfyUI's own sampler

Load ETHD gives a native MODEL: *KSampler*, *VAE Decode* and *Create Video* are ComfyUI's own, and LoRA loaders and
other model nodes fit between.

Take *euler*; it is the paper's DDIM here. *cfg* 1 is the plain model; more makes lips and emotion stronger, both at
once. Long videos still run in windows.

*Windowed DDIM Sampler* offers more: it guides lips and emotion apart, and knows the grid that the weights like.
""",
}

TALK = {
    "name": "Talk",
    "description": "A portrait and speech become a talking video with the emotion of your choice.",
    "settings": (
        ("emotion", "EmotiveTalkLoadEmotion", "emotion"),
        ("intensity", "EmotiveTalkLoadEmotion", "intensity"),
        ("seed", "EmotiveTalkWindowedSampler", "seed"),
    ),
}
"""settings: what the box calls it, the type of the node inside, and that node's input."""
