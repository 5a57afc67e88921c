"""What a Hub cache and docling's artifacts folder hold on disk, how files share content, and their locks."""
