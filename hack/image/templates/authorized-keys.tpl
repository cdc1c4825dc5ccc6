{{ config_get("user.nexus.authorized-keys", "")|safe }}
