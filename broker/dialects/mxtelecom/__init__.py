"""The MX Telecom API: parameters and zips in, bare digits or two lines out."""
