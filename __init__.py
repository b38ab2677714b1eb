"""The ComfyUI custom node pack. The host finds `comfy_entrypoint` here; nothing happens before it is called."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """The pack's extension, as the host asks for it (V3 schema)."""
    from .nodes.extension import EmotiveTalkExtension

    return EmotiveTalkExtension()


__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
