"""The catalogue's table as an unmanaged Django model."""

from catalogue import FLAGS, GRADES, MEASURES, TEXTS, dollars
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Diamond(models.Model):
    id = models.UUIDField(primary_key=True)
    feed = models.CharField(max_length=50)
    supplier_stone_id = models.CharField(max_length=100)
    offer_id = models.CharField(max_length=100)
    shape = models.CharField(max_length=40, null=True)
    lab_grown = models.BooleanField()
    image_url = models.CharField(max_length=2000, null=True)
    video_url = models.CharField(max_length=2000, null=True)
    images = ArrayField(models.CharField(max_length=2000))
    supplier_name = models.CharField(max_length=200, null=True)
    country_of_origin = models.CharField(max_length=80, null=True)
    delivery_days_min = models.PositiveSmallIntegerField(null=True)
    delivery_days_max = models.PositiveSmallIntegerField(null=True)
    availability = models.CharField(max_length=16)
    price_cents = models.BigIntegerField()
    price_per_carat_cents = models.BigIntegerField(null=True)
    rating = models.PositiveSmallIntegerField(null=True)
    source_updated_at = models.DateTimeField()
    first_seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    currency = "USD"

    class Meta:
        managed = False
        app_label = "peers"
        db_table = "catalog_diamond"

    @property
    def price(self):
        return dollars(self.price_cents)

    @property
    def price_per_carat(self):
        return dollars(self.price_per_carat_cents)


for _name in TEXTS:
    Diamond.add_to_class(_name, models.CharField(max_length=2000, null=True))
for _name in MEASURES:
    Diamond.add_to_class(_name, models.DecimalField(max_digits=8, decimal_places=3, null=True))
for _name in FLAGS:
    Diamond.add_to_class(_name, models.BooleanField(null=True))
for _name, _grades in GRADES.items():
    Diamond.add_to_class(_name, models.PositiveSmallIntegerField(null=True, choices=list(enumerate(_grades, 1))))
