"""From a picture to the talking crop and back: reading, finding the face, masks, alignment, composing. Knows no network
but the three small ones that find faces in photographs (mtcnn.py)."""
