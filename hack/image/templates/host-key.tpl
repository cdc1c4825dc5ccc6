{% if config_get("user.nexus.host-key", "") %}{{ config_get("user.nexus.host-key", "")|safe }}
{% endif %}