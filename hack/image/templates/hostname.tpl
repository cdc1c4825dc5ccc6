{{ config_get("user.nexus.hostname", instance.name)|safe }}
