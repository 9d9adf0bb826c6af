"""The pages of the server: plain HTML, CSS and JavaScript modules, without a build step."""

from ltrr_haystack.server.pages.routes import PAGES, PageSettings, add_pages, is_page

__all__ = ["PAGES", "PageSettings", "add_pages", "is_page"]
