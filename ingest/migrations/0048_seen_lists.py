from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0047_census")]

    operations = [
        migrations.CreateModel(
            name="SeenList",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("content", models.BinaryField()),
                ("by", models.CharField(max_length=150)),
                ("expires_at", models.DateTimeField()),
            ],
            options={"indexes": [models.Index(fields=["expires_at"], name="seen_list_expires")]},
        )
    ]
