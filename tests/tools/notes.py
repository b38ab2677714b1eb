"""What the notes of the example workflows say, in Markdown."""

PHOTOGRAPHS = (
    "These weights learnt only from drawn and rendered people: a photograph keeps its likeness, but what it does not "
    "show, such as teeth or closed eyelids, is guessed."
)
"""Said by every note that invites to put Load Image somewhere."""

NOTES = {
    "a_talking_portrait": f"""\
## A talking portrait

Press **Run**. The bundled portrait speaks the bundled sentence, happily; on a CPU this takes about a minute.

**Your own files**: replace *Example Portrait and Speech* with the box *Your Portrait and Speech*, which you find among
the subgraph blueprints of the node library. Open it to upload files. {PHOTOGRAPHS}

**Direct**: choose the *emotion* and its *intensity*; a *head_sway* of 0 holds the head still, 60 is an ordinary
speaker. Another *seed* here acts out the emotion differently; another *seed* in *Sample* draws it differently.

**Open a box** with the button at its top right to see the nodes inside, change their settings or rewire them. To use
other weights, open *Load*. *quick_start* shows all nodes at once.
""",
    "talking_person": f"""\
## A person speaks

Press **Run**. A rendered person, who was in no training data, speaks the bundled sentence, calmly, in the whole
picture; on a CPU this takes about a minute. The rest is as in *quick_start*. With stronger emotions, the eyes are less
clear.

**Your own photograph**: replace *Example Portrait and Speech* with *Load Image*. {PHOTOGRAPHS}
""",
    "quick_start": f"""\
## A portrait speaks

Press **Run**. The bundled portrait speaks the bundled sentence, happily; on a CPU this takes about a minute.

**Your own files**: replace *Example Portrait and Speech* with *Load Image* and *Load Audio*. {PHOTOGRAPHS}

**Another emotion**: choose it in *Emotion by Name*. Only what depends on it is computed again.

**Another take**: change the seed of *Sample Expression* to act out the emotion differently, or the seed of *Windowed
DDIM Sampler* to draw it differently.
""",
    "compare_two_takes": """\
## Which take is better?

The two takes differ in the seed of *Sample Expression*. For each, *Measure Video* says how well the mouth matches the
sound, how much the face looks like the portrait, how sharp it is, and whether any of this gets worse towards the end;
its plot shows the figures over time. Higher is better, except for the drifts, which should be near 0.

**Your own videos**: replace *Decode to Video* with *Load Video*; any video will do, from this pack or elsewhere.
Compare takes of the same portrait and the same recording: across different ones the figures say little.
""",
    "emotion_from_a_picture": f"""\
## The emotion comes from a picture

*Encode Expression* reads the emotion from the face in a picture; here *Example Faces* draws one. It replaces the
*Emotion by Name* node.

**Your own picture**: replace *Example Faces* with *Load Image*. A batch of several pictures gives their average.
{PHOTOGRAPHS}

The speaker is still the person in the portrait: only the expression comes from the picture.
""",
    "emotion_from_a_driving_video": """\
## A film drives the face

*Encode Expression* reads every frame of a film, and the portrait makes the same faces; its lips follow the speech.
*Retime Expression* makes the expression exactly as long as the speech: here the film lasts three seconds and is then
played backwards.

**Your own film**: replace *Example Faces* with *Load Video* and *Get Video Components*, and connect its *fps* to
*frames_per_second*. You can use the film's sound as the speech, too.

*Sample Expression (Di-CTE)* is not needed here: the expression comes from the film.
""",
    "emotion_from_text": """\
## The emotion comes from a sentence

*Emotion from Text* finds which emotion a text asks for, and how strongly: *slightly worried*, *absolutely furious*,
*not happy at all*. It works offline. *Preview as Text* shows what it understood.

**A story**: a text such as *starts calm, then gets angry* has several parts. Connect *timeline* to the text of
*Emotion Timeline* to see them one after the other.

**A language model**: connect *prompt* to a language-model node, and its answer to the text of another *Emotion from
Text*.
""",
    "mixed_feelings": """\
## Happy, and a little surprised

*Blend Emotions* mixes emotions from any source by weight; here both come from the codebook. *Emotion Intensity* makes
the mixture weaker or stronger: 1 leaves it as it is, 2 exaggerates it.

**Other sources**: connect *Encode Expression* of a picture, *Hear Emotion* or *Emotion from Text* to either input, and
up to two more.

*Sway Head* moves the head while it speaks; connect its pose to both *Condition Talking Face* and *Decode to Video*.
Set *amount* to 0 for a still head.
""",
    "emotions_of_your_own": f"""\
## An emotion that has no name yet

*Build Emotion Codebook* reads emotions from pictures, with one line of *labels* for each; emotions that no picture
shows are kept from *base*. *Merge Emotion Codebooks* mixes the result with another codebook, here two to one.

*Edit Emotion Codebook* then adds *offended*, half angry and half sad, and makes it stronger. *Emotion Codebook Chart*
shows how the emotions differ, and *Save Emotion Codebook* writes the file: move it into `models/emotivetalk`, and
*Load Emotion Codebook* lists it. *Emotion from Codebook* and *Emotion Timeline* know names of your own; *Emotion by
Name* offers only the eight.

**Your own pictures**: replace *Example Faces* with *Load Image* nodes. Pictures of many people work better than many
pictures of one. {PHOTOGRAPHS}
""",
    "play_a_take": f"""\
## One take, another face

*Load Take* loads how a face once moved: here a take that comes with the pack, played by someone else. *Retime
Expression* makes it as long as the speech, which drives the lips.

**Your own take**: save one with *Save Take*, press **R**, and choose it in *Load Take*. *Preview as Text* shows what
was noted with it.

**Your own portrait**: replace *Example Faces* with *Load Image*. {PHOTOGRAPHS}
""",
    "emotion_from_speech": """\
## The emotion comes from the voice

*Hear Emotion* recognises the mood of a voice and gives it to the face. *Preview as Text* shows the result, with the
probabilities of all eight emotions.

*blend* mixes emotions that are about as likely; *keyword* uses only the likeliest. Raise *intensity* if the voice is
restrained.

**Another voice**: connect a different recording to *Hear Emotion* than to *Encode Speech*, and it lends its mood to
the other's words.
""",
    "own_expression": f"""\
## The portrait keeps its own expression

No emotion is connected to *Sample Expression*, so the face speaks with the expression it has in the picture; here
*Example Faces* draws someone sad.

**Your own portrait**: replace *Example Faces* with *Load Image*, and the example's speech with *Load Audio*.
{PHOTOGRAPHS}
""",
    "emotion_timeline": """\
## One emotion after another

*Emotion Timeline* takes one line for each change: when, what, and over how many seconds. Its plot shows the emotions
over the speech before anything is sampled.

**When**: seconds, a percentage such as *50%*, or a spoken word in quotation marks; for words, fill in *transcript*.

**What**: a name with an intensity (*happy 0.7*), a blend (*0.7 happy + 0.3 surprised*), words (*text: slightly
worried*), or *a* to *d* for emotions that you connect.

A sentence works as well: *starts calm, then gets angry*.
""",
    "eight_emotions": """\
## All eight emotions, side by side

Eight *Emotion by Name* nodes make a list, and ComfyUI runs everything after *Create List* once for each of them.
*Merge List of Tiles to Image* puts the eight videos side by side:

| | | | |
|---|---|---|---|
| happy | angry | sad | surprised |
| fear | disgusted | worried | neutral |

**Longer**: raise the duration in *Trim Audio Duration*. **Weaker or stronger**: change an *intensity*.
""",
    "long_speech": """\
## Speech of any length

Long videos are sampled in overlapping windows. All windows go through each step together, so nothing drifts and there
are no visible seams.

*window* is how many frames are sampled together, *overlap* how many of them two neighbouring windows share. More of
either is smoother and slower.

*Decode to Video* writes frames into the file as they are decoded: a longer video needs no more memory.

*Preview Expression* shows what lips and face will do before the slow part begins.

**Your own speech**: replace *Concatenate Audio*, which is only there to make the example longer, with *Load Audio*.
""",
    "paste_back": f"""\
## The face moves, the picture stays

*Face Regions* crops the face from a larger picture and remembers where it was; *Paste Back* puts the talking face back
there.

**Your own picture**: replace the nodes that draw the larger picture with *Load Image*. If parts of it are transparent,
connect its *MASK* to *transparency* in *Face Regions* and *Paste Back*. {PHOTOGRAPHS}

**Finer**: you can put an upscaler or a frame interpolation between *Get Video Components* and *Paste Back*.

**Larger**: *Paste Back* keeps all frames of the whole picture in memory. If you only want a video, connect picture and
crop record to *Decode to Video*, which pastes each frame as it writes it.
""",
    "duet": f"""\
## Two faces talk in one picture

A *Bounding Box* tells each *Face Regions* which of the two faces is its own. Both sound tracks are as long as the
whole film: *Empty Audio* keeps one silent while the other speaks; shorten it, and they interrupt each other. The
second *Paste Back* takes the frames of the first.

**Your own picture**: replace *Stitch Images* with *Load Image*, place the boxes around the faces (forehead to chin,
cheek to cheek), and replace each voice with *Load Audio*. {PHOTOGRAPHS}
""",
    "head_pose": """\
## The head turns

*Head Pose Keyframes* turns the head: one line for each keyframe, with a time in seconds and what differs from the
portrait (yaw, pitch and roll in degrees). Connect it to both *Condition Talking Face* and *Decode to Video*.

**At random**: use *Sway Head* instead, and set how much the head moves.

**From a film**: use *Head Pose from Video* instead, to follow another head.

A portrait is one flat picture: small turns look best.
""",
    "head_pose_from_a_driving_video": """\
## A head follows another

*Head Pose from Video* reads how a head moves in a film, and the portrait's head moves the same way. The other head's
face and position are not copied. A shorter film is played back and forth.

*strength* sets how much of the movement is used, *smooth* makes it calmer.

**Your own film**: replace *Example Faces* with *Load Video* and *Get Video Components*; films of people need landmarks
as well, from *Detect Face Landmarks (MediaPipe)*. To copy the expression too, see *emotion from a driving video*.
""",
    "keep_my_take": """\
## Keep a good take

*Sample Expression* acts out the emotion differently for each seed. *Save Take* saves a good one as a small file in the
output folder, and *Edit Take* changes it without sampling again: livelier or calmer, smoother, shorter.

**Play it again**: replace *Sample Expression* with *Load Take*, with this portrait or any other. If the speech has
another length, put *Retime Expression* after it.

The file holds only movement, no picture and no voice.
""",
    "photograph_dice_talk": """\
## A photograph speaks, by DICE-Talk

DICE-Talk's weights are **their authors' model**, not EmotiveTalk's: CC BY-NC-SA 4.0, not for commercial use; the parts
from Stable Video Diffusion are under Stability AI's licence. They are published as pickles, which ComfyUI cannot load
as they are. Run these two commands once, in this pack's folder in `custom_nodes`, with ComfyUI's own Python:

`python -m emotivetalk_core fetch dice-talk --folder public/dice-talk --revision main`

`python -m emotivetalk_core convert public/dice-talk --kind dice-talk --half -o ../../models/emotivetalk/dice`

The first downloads 8.7 GB: four files of `EEEELY/DICE-Talk`, the emotions from GitHub's `toto222/DICE-Talk`, parts of
`stabilityai/stable-video-diffusion-img2vid-xt`, and `openai/whisper-tiny`. The second writes the files loaded here,
in `models/emotivetalk/dice`: `adapted_unet`, `photograph_encoders`, `emotion_codebook`, `vae` and `whisper_encoder`,
each `.safetensors`.

One more file goes to `models/clip_vision/svd_image_encoder.safetensors`: let ComfyUI download it, or copy it from
`public/dice-talk/svd-xt/image_encoder/model.fp16.safetensors`.
Then you can delete `public`; press **R** to refresh the lists.

**Your own files**: replace *Example Portrait and Speech* with *Load Image* and *Load Audio*. *Face Regions* finds the
face; if there are several, choose one with *Bounding Box*.

**Guidance**: *Photograph Guider* sets separately how closely speech, emotion and portrait are followed; *Dual CFG
Guider* has one number for the first two. Emotions can come from names, texts, voices, blends and timelines, but not
from pictures.

The weights sample 12.5 frames per second, and *Decode to Video* interpolates the ones in between. ComfyUI's *Run Frame
Interpolation Model* can do that as well: give it the frames of *VAE Decode*, without the window of silence at the end.
""",
    "photograph_sonic": """\
## A photograph speaks, by Sonic

Sonic's weights are **their authors' model**, not EmotiveTalk's: CC BY-NC-SA 4.0, not for commercial use; the parts
from Stable Video Diffusion are under Stability AI's licence. They are published as pickles, which ComfyUI cannot load
as they are. Run these two commands once, in this pack's folder in `custom_nodes`, with ComfyUI's own Python:

`python -m emotivetalk_core fetch sonic --folder public/sonic --revision main`

`python -m emotivetalk_core convert public/sonic --kind sonic --half -o ../../models/emotivetalk/sonic`

The first downloads 8.3 GB: three files of `LeonJoe13/Sonic`, parts of
`stabilityai/stable-video-diffusion-img2vid-xt`, and `openai/whisper-tiny`. The second writes the files loaded here,
in `models/emotivetalk/sonic`: `adapted_unet`, `photograph_encoders`, `vae` and `whisper_encoder`, each `.safetensors`.

One more file goes to `models/clip_vision/svd_image_encoder.safetensors`: let ComfyUI download it, or copy it from
`public/sonic/svd-xt/image_encoder/model.fp16.safetensors`.
Then you can delete `public`; press **R** to refresh the lists.

**Your own files**: replace *Example Portrait and Speech* with *Load Image* and *Load Audio*. *Face Regions* finds the
face; if there are several, choose one with *Bounding Box*.

**Guidance**: in *Dual CFG Guider*, `cfg_conds` sets how closely the speech is followed, `cfg_cond2_negative` how
closely the portrait is. Sonic has no emotions.

The weights sample 12.5 frames per second, and *Decode to Video* interpolates the ones in between. ComfyUI's *Run Frame
Interpolation Model* can do that as well: give it the frames of *VAE Decode*.
""",
    "stock_ksampler": """\
## ComfyUI's own sampler

*Load ETHD* gives a native MODEL: *KSampler*, *VAE Decode* and *Create Video* are ComfyUI's own, and LoRA loaders and
other model nodes fit in between.

Use *euler*, which here is the paper's DDIM. *cfg* 1 is the model as it is; more makes lips and emotion stronger, both
at once. Long videos still run in windows.

*Windowed DDIM Sampler* offers more: separate guidance for lips and emotion, and the weights' own settings.
""",
}
