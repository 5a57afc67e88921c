"""Whether a mirror answers as huggingface_hub needs: asked once, judged by what came."""
