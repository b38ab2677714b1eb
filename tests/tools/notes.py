"""What the notes of the example workflows say, in Markdown."""

PHOTOGRAPHS = (
    "These weights learnt from drawn and rendered people alone: a photograph stays itself, but for a soft mouth."
)
"""Said by every note that invites to put Load Image somewhere."""

NOTES = {
    "a_talking_portrait": f"""\
## A talking portrait

Press **Run**. The bundled portrait says the bundled sentence, happily; on a CPU this takes about a minute.

**Your own files**: put the box *Your Portrait and Speech* in the place of *Example Portrait and Speech*; it lies among
the subgraph blueprints of the node library. Open it to upload files. {PHOTOGRAPHS}

**Direct**: choose the *emotion* and its *intensity*; *head_sway* 0 holds the head still, 60 is an ordinary speaker.
Another *seed* there is another play of the face, one in *Sample* another picture.

**Open a box** with the button at its top right: inside lie the pieces of the method, to set or to wire anew; other
weights are chosen in *Load*. *quick_start* shows all pieces at once.
""",
    "talking_person": f"""\
## A person speaks

Press **Run**. The rendered person, whom no training saw, says the bundled sentence, calmly, in the whole picture;
on a CPU this takes about a minute. All else is as in *quick_start*. With stronger emotions, eyes are less clear.

**Your own photograph**: put *Load Image* in the place of *Example Portrait and Speech*. {PHOTOGRAPHS}
""",
    "quick_start": f"""\
## A portrait speaks

Press **Run**. The bundled portrait says the bundled sentence, happily; on a CPU this takes about a minute.

**Your own files**: put *Load Image* and *Load Audio* in the place of *Example Portrait and Speech*. {PHOTOGRAPHS}

**Another emotion**: choose it in *Emotion by Name*. Only what depends on it is computed again.

**Another take**: change the seed of *Windowed DDIM Sampler* (another picture) or of *Sample Expression* (another
play of the face).
""",
    "compare_two_takes": """\
## Which take is better?

Two takes differ by the seed of *Sample Expression*. *Measure Video* says of each how well the mouth goes with the
sound, how alike the face stays to the portrait, how sharp it is, and what of this changes to the end; its plot shows
the course. Higher is better, but for the drifts, which should be near 0.

**Your own videos**: put *Load Video* in the place of *Decode to Video*; any film will do, by this pack or another.
Compare takes of one portrait and one recording: the figures say little across different ones.
""",
    "emotion_from_a_picture": f"""\
## The emotion comes from a picture

*Encode Expression* reads the emotion from the face in a picture; here *Example Faces* draws one. It takes the place
of the *Emotion by Name* node.

**Your own picture**: put *Load Image* in the place of *Example Faces*. Several pictures as a batch give their mean.
{PHOTOGRAPHS}

The speaker stays the person of the portrait; from the picture comes the expression alone.
""",
    "emotion_from_a_driving_video": """\
## A film leads the face

*Encode Expression* reads every frame of a film, and the portrait makes the same faces; its lips follow the speech.
*Retime Expression* makes the course exactly as long as the speech: here the film has three seconds, and goes back the
way it came.

**Your own film**: put *Load Video* and *Get Video Components* in the place of *Example Faces*, and connect its *fps*
to *frames_per_second*. Its sound can take the place of the speech, too.

*Sample Expression (Di-CTE)* is not needed: the film says what it would have invented.
""",
    "emotion_from_text": """\
## The emotion comes from a sentence

*Emotion from Text* reads which emotion a text asks for, and how strongly: *slightly worried*, *absolutely furious*,
*not happy at all*. It works offline. What was understood stands in *Preview as Text*.

**A story**: a text such as *starts calm, then gets angry* has several parts. Connect *timeline* to the text of
*Emotion Timeline* to see them one after the other.

**A language model**: give *prompt* to a language-model node, and its answer to the text of another *Emotion from
Text*.
""",
    "mixed_feelings": """\
## Happy, and a little surprised

*Blend Emotions* mixes emotions of any source by their weights; here two from the codebook. *Emotion Intensity* makes
the mixture weaker or stronger: 1 as it is, 2 exaggerated.

**Other sources**: connect *Encode Expression* of a picture, *Hear Emotion* or *Emotion from Text* to either side, and
up to two more.

*Sway Head* lets the head move by itself while it speaks; *Condition Talking Face* and *Decode to Video* both take its
pose. Turn *amount* down to 0 for a still head.
""",
    "emotions_of_your_own": f"""\
## An emotion that has no name yet

*Build Emotion Codebook* reads emotions from pictures, one line of *labels* for each; what no picture shows it keeps
from *base*. *Merge Emotion Codebooks* mixes the result with another codebook, here two to one.

*Edit Emotion Codebook* then adds *offended*, half angry and half sad, and makes it stronger. *Emotion Codebook Chart*
draws what each emotion does, and *Save Emotion Codebook* writes the file: move it into `models/emotivetalk`, and
*Load Emotion Codebook* offers it. *Emotion from Codebook* and *Emotion Timeline* take names of your own; *Emotion by
Name* offers the eight alone.

**Your own pictures**: put *Load Image* nodes in the place of *Example Faces*. Many people for each emotion are better
than many pictures of one. {PHOTOGRAPHS}
""",
    "play_a_take": f"""\
## One face's play on another

*Load Take* brings back how a face once moved; here a take that comes with the pack, played by someone else. *Retime
Expression* makes it as long as the speech, which leads the lips.

**Your own take**: keep one with *Save Take*, press **R**, and choose it in *Load Take*. What was noted with it stands
in *Preview as Text*.

**Your own portrait**: put *Load Image* in the place of *Example Faces*. {PHOTOGRAPHS}
""",
    "emotion_from_speech": """\
## The emotion is heard

*Hear Emotion* listens to how something is said and gives the face the same mood. What was heard stands in *Preview as
Text*, all eight with their shares.

*blend* mixes those that are heard about as clearly; *keyword* takes the likeliest alone. Raise *intensity* where a
voice is shy.

**Another voice**: connect other audio to *Hear Emotion* than to *Encode Speech*, and one recording lends its mood to
the other's words.
""",
    "own_expression": f"""\
## The portrait keeps its own expression

No emotion is connected to *Sample Expression*, so the face speaks as it looks in its picture; here *Example Faces*
draws someone sad.

**Your own portrait**: put *Load Image* in the place of *Example Faces*, and *Load Audio* in the place of the example's
speech. {PHOTOGRAPHS}
""",
    "emotion_timeline": """\
## One emotion after another

*Emotion Timeline* takes a line for each change: when, what, and over how many seconds. Its plot shows the course over
the speech before anything is sampled.

**When**: seconds, a share such as *50%*, or a spoken word in quotation marks; for words fill in *transcript*.

**What**: a name with a strength (*happy 0.7*), a blend (*0.7 happy + 0.3 surprised*), words (*text: slightly
worried*), or *a* to *d* for emotions that you connect.

A sentence works as well: *starts calm, then gets angry*.
""",
    "eight_emotions": """\
## All eight emotions, side by side

Eight *Emotion by Name* nodes make a list, and ComfyUI runs everything behind *Create List* once for each of them.
*Merge List of Tiles to Image* puts the eight videos beside each other:

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

**Your own speech**: put *Load Audio* in the place of *Concatenate Audio*, which only makes the example longer.
""",
    "paste_back": f"""\
## The face moves, the picture stays

*Face Regions* cuts the face out of a larger picture and remembers where it was; *Paste Back* puts the talking face
back there.

**Your own picture**: put *Load Image* in the place of the nodes that paint the larger picture, and connect its *MASK*
to *transparency*, here and at *Face Regions*, where some of it is clear. {PHOTOGRAPHS}

**Finer**: between *Get Video Components* and *Paste Back* there is room for an upscaler or a frame interpolation.

**Larger**: all frames of the whole picture lie in memory. Where only the video is wanted, connect picture and crop
record to *Decode to Video*, which pastes while it writes.
""",
    "duet": f"""\
## Two faces talk in one picture

A box tells each *Face Regions* which of the two faces is its own. Both sound tracks are as long as the film: *Empty
Audio* is as long as the other's words; make it shorter, and they interrupt each other. The second *Paste Back* takes
the frames of the first.

**Your own picture**: put *Load Image* in the place of *Stitch Images*, lay the boxes around the faces (forehead to
chin, cheek to cheek), and put *Load Audio* in the place of each voice. {PHOTOGRAPHS}
""",
    "head_pose": """\
## The head turns

*Head Pose Keyframes* says where the head stands: a line each, with a time in seconds and what differs from the
portrait (degrees for yaw, pitch and roll). *Condition Talking Face* and *Decode to Video* both take it.

**By itself**: *Sway Head* in its place moves the head a little, as much as you like.

**From a film**: *Head Pose from Video* in its place follows another head.

A portrait is one flat picture: small turns look best.
""",
    "head_pose_from_a_driving_video": """\
## A head follows another

*Head Pose from Video* reads how a head moves through a film, and this head moves alike. Its face and its place in the
picture are not taken. A shorter film is played there and back.

*strength* takes more or less of the movement, *smooth* calms it.

**Your own film**: put *Load Video* and *Get Video Components* in the place of *Example Faces*; photographs need
landmarks as well, from *Detect Face Landmarks (MediaPipe)*. To take its expression too, see *emotion from a driving
video*.
""",
    "keep_my_take": """\
## A good take is kept

*Sample Expression* invents another play of the face for each seed. *Save Take* keeps a good one as a small file in the
output folder, and *Edit Take* changes it without sampling again: livelier or calmer, smoother, shorter.

**Play it again**: put *Load Take* in the place of *Sample Expression*, on this portrait or any other. Where the speech
has another length, put *Retime Expression* behind it.

The file holds movements alone, neither a picture nor a voice.
""",
    "photograph_dice_talk": """\
## A photograph speaks, by DICE-Talk

DICE-Talk's weights are **their authors' model**, not EmotiveTalk's: CC BY-NC-SA 4.0, no commercial use; the parts of
Stable Video Diffusion are under Stability AI's licence. They are published as pickles, so ComfyUI cannot take them as
they are. In this pack's folder below `custom_nodes`, with ComfyUI's own Python, once:

`python -m emotivetalk_core fetch dice-talk --folder public/dice-talk --revision main`

`python -m emotivetalk_core convert public/dice-talk --kind dice-talk --half -o ../../models/emotivetalk/dice`

The first downloads 8.7 GB: four files of `EEEELY/DICE-Talk`, the emotions from GitHub's `toto222/DICE-Talk`, parts of
`stabilityai/stable-video-diffusion-img2vid-xt`, and `openai/whisper-tiny`. The second makes what is loaded here, in
`models/emotivetalk/dice`: `adapted_unet`, `photograph_encoders`, `emotion_codebook`, `vae` and `whisper_encoder`, each
`.safetensors`.

One more goes to `models/clip_vision/svd_image_encoder.safetensors`: let ComfyUI download it, or copy it from
`public/dice-talk/svd-xt/image_encoder/model.fp16.safetensors`. Then `public` may go, and *R* reads the lists again.

**Your own files**: put *Load Image* and *Load Audio* in the place of *Example Portrait and Speech*. *Face Regions*
finds the face; where several are, *Bounding Box* chooses.

**Guidance**: *Photograph Guider* leads by speech, emotion and portrait, each by itself; *Dual CFG Guider* does it with
one number for the first two. Any source of emotion that ends in the codebook fits: texts, voices, blends, timelines;
pictures do not.

12.5 frames a second are sampled, and *Decode to Video* makes those between. ComfyUI's *Frame Interpolate* can do that
as well: give it the frames of *VAE Decode*, without the window of silence at the end.
""",
    "photograph_sonic": """\
## A photograph speaks, by Sonic

Sonic's weights are **their authors' model**, not EmotiveTalk's: CC BY-NC-SA 4.0, no commercial use; the parts of
Stable Video Diffusion are under Stability AI's licence. They are published as pickles, so ComfyUI cannot take them as
they are. In this pack's folder below `custom_nodes`, with ComfyUI's own Python, once:

`python -m emotivetalk_core fetch sonic --folder public/sonic --revision main`

`python -m emotivetalk_core convert public/sonic --kind sonic --half -o ../../models/emotivetalk/sonic`

The first downloads 8.3 GB: three files of `LeonJoe13/Sonic`, parts of
`stabilityai/stable-video-diffusion-img2vid-xt`, and `openai/whisper-tiny`. The second makes what is loaded here, in
`models/emotivetalk/sonic`: `adapted_unet`, `photograph_encoders`, `vae` and `whisper_encoder`, each `.safetensors`.

One more goes to `models/clip_vision/svd_image_encoder.safetensors`: let ComfyUI download it, or copy it from
`public/sonic/svd-xt/image_encoder/model.fp16.safetensors`. Then `public` may go, and *R* reads the lists again.

**Your own files**: put *Load Image* and *Load Audio* in the place of *Example Portrait and Speech*. *Face Regions*
finds the face; where several are, *Bounding Box* chooses.

**Guidance**: in *Dual CFG Guider* `cfg_conds` leads by speech, `cfg_cond2_negative` by the portrait. Sonic knows no
emotions.

12.5 frames a second are sampled, and *Decode to Video* makes those between. ComfyUI's *Frame Interpolate* can do that
as well: give it the frames of *VAE Decode*, without the window of silence at the end.
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
