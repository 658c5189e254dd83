"""The DynamoDB table of the translation cache; `python -m translation_svc.tables create|describe`."""

import sys

from chassis.table_command import main
from chassis.tables import Table
from translation_svc.config import Config

CACHED_TRANSLATIONS = Table("CachedTranslations", "cacheKey")

TABLES = (CACHED_TRANSLATIONS,)

if __name__ == "__main__":
    sys.exit(main("translation_svc", Config, TABLES))
