{% if config_get("user.nexus.network", "") %}{{ config_get("user.nexus.network", "")|safe }}
{% endif %}