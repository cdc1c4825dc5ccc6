{% if config_get("user.nexus.authorized-keys", "") %}{{ config_get("user.nexus.authorized-keys", "")|safe }}
{% endif %}