"""Parts of pages that stay true: painted with the page, repainted when they change."""
