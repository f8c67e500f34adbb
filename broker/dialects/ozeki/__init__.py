"""The Ozeki API: query strings, forms, XML or JSON on one path."""
